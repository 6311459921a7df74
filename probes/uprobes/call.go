package uprobes

import (
	"bytes"
	"encoding/binary"

	"trapline/pagecache"
	"trapline/sim"
	"trapline/vm"
)

// The instructions that make a call of a breakpoint, and those that become one.
var (
	nop5  = []byte{0x0f, 0x1f, 0x44, 0x00, 0x00}
	nop10 = []byte{0x66, 0x2e, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00}
	lea   = []byte{0x48, 0x8d, 0x64, 0x24, 0x80} // lea -0x80(%rsp), %rsp
)

const (
	callOpcode = 0xe8
	callBytes  = 5
	// nearby is how far from the text a trampoline is put: near enough for a call.
	nearby = 16 << 20
)

// calls are what is special in a design about calls in place of breakpoints.
type calls struct {
	// nop is what the call takes the place of. The longer one has room for an
	// instruction before it that keeps out of the red zone.
	nop []byte
	// copied has children inherit the trampoline.
	copied bool
	// restores has the whole instruction put back, and not only what comes before the
	// call, when it is one of the longer ones.
	restores bool
	// shared has a handler's breakpoint removed with mmap_sem held for reading.
	shared bool
}

var _ = sim.Plumbing("read_text", "int3_update", "get_uprobe_trampoline")

// Nop implements [CallOptimizer].
func (d *today) Nop() []byte { return d.calls.nop }

// optimizable says that the uprobe lies on the instruction that can become a call.
func (d *today) optimizable(k *sim.K, u *tracedUprobe) bool {
	return bytes.HasPrefix(u.arch.step(k), d.calls.nop)
}

// readText is what the program has at vaddr, n bytes that may not lie in two pages, nil
// if that is not mapped. The caller holds mm->mmap_sem.
func readText(k *sim.K, mm *vm.MM, vaddr uint64, n int) []byte {
	page, _, err := vm.GetUserPage(k, mm, vaddr, false)
	if err != nil {
		return nil
	}
	defer pagecache.PageCacheRelease(k, page)
	return pagecache.ReadBytes(k, page, int(vaddr&(pagecache.PageSize-1)), n)
}

// before is how many bytes come before the call.
func (d *today) before() int { return len(d.calls.nop) - callBytes }

// isOptimized is is_optimized(): there is a call, which nobody is about to remove. The
// caller holds mm->mmap_sem.
func (d *today) isOptimized(k *sim.K, mm *vm.MM, vaddr uint64) bool {
	text := readText(k, mm, vaddr, len(d.calls.nop))
	if text == nil {
		return false
	}
	at := d.before()
	return text[at] == callOpcode && (at == 0 || bytes.Equal(text[:at], lea))
}

// archUprobeOptimize is arch_uprobe_optimize(): the next one to come here is spared the
// trap.
func (d *today) archUprobeOptimize(k *sim.K, mm *vm.MM, vaddr uint64) {
	k.DownWrite(&mm.MmapSem)
	defer k.UpWrite(&mm.MmapSem)
	if there, err := isSwbpAtAddr(k, mm, vaddr); err != nil || !there {
		return
	}
	tramp := d.getUprobeTrampoline(k, mm, vaddr)
	if tramp == 0 {
		return
	}
	call := binary.LittleEndian.AppendUint32([]byte{callOpcode}, uint32(tramp-(vaddr+uint64(len(d.calls.nop)))))
	_ = d.int3Update(k, mm, vaddr, append(lea[:d.before():d.before()], call...))
}

// getUprobeTrampoline is get_uprobe_trampoline(): one that can be called from vaddr, 0 if
// there is no room for it. It stays as long as the process does, since threads may be in
// it. The caller holds mm->mmap_sem for writing.
func (d *today) getUprobeTrampoline(k *sim.K, mm *vm.MM, vaddr uint64) uint64 {
	s := d.state(mm)
	for _, at := range s.calls {
		return at
	}
	flags := vm.VMRead | vm.VMExec | vm.VMMayRead | vm.VMMayExec
	if !d.calls.copied {
		flags |= vm.VMDontCopy
	}
	at, err := vm.AddSpecialMapping(k, mm, vaddr&^(pagecache.PageSize-1)+nearby, pagecache.PageSize, flags, "[uprobes-trampoline]", trampolineCode)
	if err != nil {
		return 0
	}
	s.calls = append(s.calls, at)
	return at
}

// trampolineCode is uprobe_trampoline_entry: push %rcx; push %r11; push %rax; and so on.
var trampolineCode = []byte{0x51, 0x41, 0x53, 0x50}

// int3Update is int3_update(): text becomes other text behind a breakpoint in its first
// byte, so that nobody executes a mixture. The interrupts after each step, which have all
// processors see it, are left out. The page is the process's own after the first one, as
// long as mmap_sem is held, and is written to where it lies. The caller holds mm->mmap_sem
// for writing.
func (d *today) int3Update(k *sim.K, mm *vm.MM, vaddr uint64, text []byte) error {
	if err := writeOpcode(k, mm, vaddr, int3); err != nil {
		return err
	}
	page, _, err := vm.GetUserPage(k, mm, vaddr, true)
	if err != nil {
		return err
	}
	defer pagecache.PageCacheRelease(k, page)
	off := int(vaddr & (pagecache.PageSize - 1))
	pagecache.WriteBytes(k, page, off+1, text[1:])
	pagecache.WriteBytes(k, page, off, text[:1])
	return nil
}

// swbpUnoptimize is what set_orig_insn() does where there is a call. Of a longer
// instruction only what comes before the call is put back: a thread may be about to
// execute the call, which as a part of the instruction does nothing.
func (d *today) swbpUnoptimize(k *sim.K, mm *vm.MM, vaddr uint64, insn []byte) error {
	n := d.before()
	if n == 0 || d.calls.restores {
		n = len(d.calls.nop)
	}
	return d.int3Update(k, mm, vaddr, insn[:n])
}

// SysUprobe is the system call uprobe: the trampoline has been called from an optimised
// probe, which has pushed the address behind it, and has pushed three registers.
func (d *today) SysUprobe(k *sim.K, t *Thread) {
	const pushed = 3
	vaddr := t.words[t.sp+pushed] - uint64(len(d.calls.nop))
	// handle_syscall_uprobe()
	k.RCUReadLockTrace()
	defer k.RCUReadUnlockTrace()
	u, _ := d.steps.findActive(k, t.mm, vaddr)
	if u == nil || !u.arch.ready(k, true) {
		return
	}
	d.callHandlers(k, u, t.mm)
}
