package uprobes

import (
	"fmt"

	"trapline/pagecache"
	"trapline/sim"
)

// archUprobe is struct arch_uprobe with the flag that says that it is filled: the
// copy of the instruction that is stepped. What protects it is up to the design.
type archUprobe struct {
	copied sim.Word[bool]
	insn   sim.Word[xolInsn]
}

// xolInsn is a copy of an instruction. As it comes from the file it is good for its
// own address only; the analysis rewrites what it says relative to that.
type xolInsn struct {
	bytes    string
	analysed bool
}

// String shows the bytes.
func (x xolInsn) String() string { return fmt.Sprintf("{% x, analysed %t}", x.bytes, x.analysed) }

func (a *archUprobe) init(k *sim.K, life *sim.Life) {
	a.copied.Init(k, "uprobe->copied", false)
	a.insn.Init(k, "uprobe->arch.insn", xolInsn{})
	a.copied.In(life)
	a.insn.In(life)
}

// prepare is prepare_uprobe() without the lock around it: copy_insn() and the
// analysis, unless that was done. It sleeps. It returns EIO if the place is behind the
// end of the file, which may have been cut off. If it is ordered, as since 09d3f015d1e1,
// v4.20, whoever sees the flag sees the copy.
func (a *archUprobe) prepare(k *sim.K, inode *pagecache.Inode, offset int64, ordered bool) error {
	if a.copied.Read(k) {
		return nil
	}
	bytes, err := pagecache.DoGenericMappingRead(k, inode, offset, maxInsnSize) // copy_insn()
	if err == nil && len(bytes) == 0 {
		err = sim.EIO
	}
	if err != nil {
		return err
	}
	a.insn.Write(k, xolInsn{bytes: string(bytes)})
	a.insn.Write(k, xolInsn{string(bytes), true}) // arch_uprobe_analyze_insn()
	if ordered {
		k.SmpWmb() // pairs with that of ready
	}
	a.copied.Write(k, true)
	return nil
}

// ready says whether the copy is there, as a trap has to know: the test of
// UPROBE_COPY_INSN in handle_swbp(), ordered or not.
func (a *archUprobe) ready(k *sim.K, ordered bool) bool {
	if !a.copied.Read(k) {
		return false
	}
	if ordered {
		k.SmpRmb()
	}
	return true
}

// step is the instruction that a task which steps the copy executes: none that makes
// sense if it has not been rewritten for where it lies now.
func (a *archUprobe) step(k *sim.K) []byte {
	if x := a.insn.Read(k); x.analysed {
		return []byte(x.bytes)
	}
	return nil
}

// opcode is the first byte of the copy, with which the breakpoint is taken out again. The
// memory of the copy was cleared: if nobody has filled it yet, it is 0.
func (a *archUprobe) opcode(k *sim.K) byte {
	if x := a.insn.Read(k); x.bytes != "" {
		return x.bytes[0]
	}
	return 0
}
