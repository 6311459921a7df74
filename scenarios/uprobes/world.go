package uprobes

import (
	"bytes"
	"fmt"
	"slices"

	"trapline/pagecache"
	"trapline/probes/uprobes"
	"trapline/sim"
	"trapline/vm"
)

// World is what the tasks of a scenario act on: a machine with a design at work
// on it, and the program whose text is probed.
type World struct {
	// M is the machine, K the handle of its setup.
	M *sim.Machine
	K *sim.K
	// Scheme is the design.
	Scheme uprobes.Scheme
	// Image is the program.
	Image *vm.Image

	files  []*pagecache.Inode
	spaces []*vm.MM
	moved  []*vm.MM // have the text elsewhere
	atRest []func(k *sim.K)
	left   []*Probe // registered by tasks

	threads  []*uprobes.Thread // by task
	living   []*uprobes.Thread
	optimise []byte // the instruction that the design makes a call of
	leaf     bool   // the function uses what is below its stack
	onTrap   func() // called at each breakpoint, if not nil
	// onStep is called when a task is about to step a copy, if not nil. It says whether
	// that has come to nothing.
	onStep func(k *sim.K, mm *vm.MM) bool
	// Patient says that calls may take so long that the timer comes for their leases.
	Patient bool
}

func newWorld(m *sim.Machine, d *uprobes.Design, image *vm.Image) *World {
	m.ClaimOrder(d.Order)
	m.Fold(image.Digest)
	w := &World{M: m, K: m.Setup(), Image: image}
	w.Scheme = d.New(w.K)
	m.After(w.quiet)
	return w
}

// File is a file of the given file system that holds the program.
func (w *World) File(fs *pagecache.FS) *pagecache.Inode {
	return w.track(pagecache.NewInode(w.K, w.Image.Name, w.Image.Bytes, fs))
}

// LoopFile is a file that holds the program, on a loop device over the image
// file. The thread of the device is called loop0.
func (w *World) LoopFile(image *pagecache.Inode) *pagecache.Inode {
	fs := pagecache.NewLoop(w.M, "loop0", image)
	return w.track(pagecache.NewInode(w.K, w.Image.Name+".loop", w.Image.Bytes, fs))
}

func (w *World) track(inode *pagecache.Inode) *pagecache.Inode {
	w.files = append(w.files, inode)
	if s, ok := w.Scheme.(uprobes.InodeInit); ok {
		s.InitInode(w.K, inode)
	}
	return inode
}

// Space is a new process, without anything mapped.
func (w *World) Space(name string) *vm.MM {
	hooks, ok := w.Scheme.(vm.Hooks)
	var mm *vm.MM
	if ok { // such a design may become a user of it
		mm = vm.MMAlloc(w.K, name)
		mm.Hooks = hooks
		if s, ok := hooks.(uprobes.SpaceInit); ok {
			s.InitSpace(w.K, mm)
		}
	} else {
		mm = vm.NewMM(w.K, name)
	}
	w.spaces = append(w.spaces, mm)
	return mm
}

// Fork is fork(2) of the process: it returns the child.
func (w *World) Fork(k *sim.K, mm *vm.MM, name string) (*vm.MM, error) {
	child, err := vm.DupMM(k, mm, name)
	if err == nil {
		w.spaces = append(w.spaces, child)
	}
	return child, err
}

// text is where the probed instruction is mapped: the range of pages that hold
// it, and the first of them in the file.
func (w *World) text() (start, length, pgoff uint64) {
	start = w.Image.Addr &^ (pagecache.PageSize - 1)
	end := w.Image.Addr + uint64(len(w.Image.Insn))
	length = (end - start + pagecache.PageSize - 1) &^ (pagecache.PageSize - 1)
	return start, length, uint64(w.Image.PageIndex())
}

// Mmap maps the text of the program into mm.
func (w *World) Mmap(k *sim.K, mm *vm.MM, inode *pagecache.Inode) error {
	start, length, pgoff := w.text()
	_, err := vm.DoMmap(k, mm, inode, start, length, pgoff, 0)
	return err
}

// Munmap removes the text of the program from mm.
func (w *World) Munmap(k *sim.K, mm *vm.MM) error {
	start, length, _ := w.text()
	return vm.DoMunmap(k, mm, start, length)
}

// MmapAgain maps the text of the program into mm once more, at another address.
func (w *World) MmapAgain(k *sim.K, mm *vm.MM, inode *pagecache.Inode) error {
	start, length, pgoff := w.text()
	_, err := vm.DoMmap(k, mm, inode, start+elsewhere, length, pgoff, 0)
	return err
}

// Move is mremap(2) of the text of the program to another address.
func (w *World) Move(k *sim.K, mm *vm.MM) error {
	start, length, _ := w.text()
	_, err := vm.Mremap(k, mm, start, length, length, vm.MremapMayMove|vm.MremapFixed, start+elsewhere)
	if err == nil {
		w.moved = append(w.moved, mm)
	}
	return err
}

// elsewhere is how far away the other address is.
const elsewhere = 1 << 30

// Exit ends the only task of a process.
func (w *World) Exit(k *sim.K, mm *vm.MM) {
	w.exitThreads(k, mm)
	w.spaces = slices.DeleteFunc(w.spaces, func(o *vm.MM) bool { return o == mm })
	if mm.Hooks == nil {
		vm.ExitMmap(k, mm)
		return
	}
	vm.MMPut(k, mm)
}

// Read is pread(2) of the instruction. In a world without I/O errors it must not
// fail.
func (w *World) Read(k *sim.K, inode *pagecache.Inode) {
	w.mustBeFile(k, w.Image.Offset, sysRead(k, inode, w.Image.Offset, len(w.Image.Insn)))
}

func sysRead(k *sim.K, inode *pagecache.Inode, pos int64, count int) []byte {
	got, err := pagecache.DoGenericMappingRead(k, inode, pos, count)
	if err != nil {
		k.Fail(&sim.Violation{Kind: SpuriousError, Subject: "read(2) = " + err.Error() + ", and the device is in order"})
	}
	return got
}

// copies says that the design gives each process a page of its own with the breakpoint
// in it. The others write to the page of the file, which everybody reads.
func (w *World) copies() bool {
	_, copies := w.Scheme.(vm.Hooks)
	return copies
}

// mustBeFile fails if bytes at an offset of the file are others than those on the disk,
// and the design leaves the file alone. There may be zeroes where it was cut off.
func (w *World) mustBeFile(k *sim.K, off int64, got []byte) {
	for i, b := range got {
		if was := w.Image.Bytes[off+int64(i)]; b != was && b != 0 && w.copies() {
			k.Fail(&sim.Violation{Kind: WrongText, Subject: fmt.Sprintf("the file has %02x at %#x, not %02x", b, off+int64(i), was)})
		}
	}
}

// mustBeSilent is what is looked at when nobody does anything: the two instructions of the
// file that may be probed, and the processes with a breakpoint, which the design must know
// to have one.
func (w *World) mustBeSilent(k *sim.K) {
	for _, inode := range w.files {
		for off := w.Image.Offset; off < w.Image.Offset+int64(2*len(w.Image.Insn)); off++ {
			if b, there := pagecache.Peek(inode, off); there {
				w.mustBeFile(k, off, []byte{b})
			}
		}
	}
	s, ok := w.Scheme.(uprobes.SpaceInit)
	if !ok {
		return
	}
	for _, mm := range w.spaces {
		if b, mapped := vm.Peek(mm, w.addr(mm)); mapped && b == breakpoint && !s.MayHaveUprobes(mm) {
			k.Fail(&sim.Violation{Kind: Denied, Subject: mm.Name + " has a breakpoint, and may not have one"})
		}
	}
}

// addr is where the instruction is in a process.
func (w *World) addr(mm *vm.MM) uint64 {
	if slices.Contains(w.moved, mm) {
		return w.Image.Addr + elsewhere
	}
	return w.Image.Addr
}

var _ = sim.Plumbing("must_be_file")

// Execute runs the program through the instruction, once, and holds the design
// to its contract for the probe p. The text must be mapped, and in the file.
func (w *World) Execute(k *sim.K, mm *vm.MM, p *Probe) {
	run := p.beginRun(k)
	if !w.runText(k, mm, w.addr(mm)) {
		k.Fail(&sim.Violation{Kind: SpuriousFault, Subject: "page fault, and the file and the device are in order"})
	}
	p.endRun(k, run)
}

// ExecuteIfMapped runs the program through the instruction, once, unless its text is
// unmapped before: it then faults, and that is all.
func (w *World) ExecuteIfMapped(k *sim.K, mm *vm.MM) { w.runText(k, mm, w.Image.Addr) }

var _ = sim.Plumbing("run_text")

// runText runs the program through the instruction at addr. It is false if its text is
// gone.
func (w *World) runText(k *sim.K, mm *vm.MM, addr uint64) bool {
	for {
		text := vm.FetchBytes(k, mm, addr, len(w.Image.Insn))
		if text == nil {
			if vm.HandleMmFault(k, mm, addr, false) != nil {
				return false
			}
			continue
		}
		if w.optimise != nil && w.executeCall(k, mm, text) {
			return true
		}
		if text[0] != breakpoint {
			w.mustBeOriginal(k, WrongText, text)
			return true
		}
		if insn, stepped := w.doInt3(k, mm, addr); stepped {
			w.mustBeOriginal(k, WrongOriginal, insn)
			return true
		}
	}
}

// breakpoint is the instruction int3.
const breakpoint = 0xcc

// doInt3 is do_int3(): the trap goes to the design. It returns the instruction that is
// stepped, if one is.
func (w *World) doInt3(k *sim.K, mm *vm.MM, addr uint64) (insn []byte, stepped bool) {
	if k.Tracing() {
		k.Event("trap", "int3 at %#x", addr)
	}
	if w.onTrap != nil {
		w.onTrap()
	}
	w.thread(k, mm)
	trap, insn := w.Scheme.Int3(k, mm, addr)
	switch trap {
	case uprobes.NotOurs:
		k.Fail(&sim.Violation{Kind: StrayTrap, Subject: "an int3 in its text that no probe answers for"})
	case uprobes.Illegal:
		k.Fail(&sim.Violation{Kind: Killed, Subject: "SIGILL: it has returned to a trampoline that nobody had sent it to"})
	case uprobes.Stepping:
		if w.onStep != nil && w.onStep(k, mm) {
			return nil, false
		}
		return w.step(k, mm), true
	}
	return insn, trap == uprobes.Handled
}

// mustBeOriginal fails if the bytes do not begin with the instruction of the
// file.
func (w *World) mustBeOriginal(k *sim.K, kind sim.Kind, insn []byte) {
	if !bytes.HasPrefix(insn, w.Image.Insn) {
		k.Fail(&sim.Violation{Kind: kind, Subject: hex(insn) + "where the file has " + hex(w.Image.Insn)})
	}
}

// AtRest adds a check for when all tasks have ended.
func (w *World) AtRest(check func(k *sim.K)) { w.atRest = append(w.atRest, check) }

// quiet is the end of every scenario: after its own checks, and when the probes of
// its tasks are gone, no page is locked or has a reference too many, and nothing of
// the page cache is left behind.
func (w *World) quiet(k *sim.K) {
	w.mustBeSilent(k)
	for _, check := range w.atRest {
		check(k)
	}
	for _, p := range w.left {
		if p.active {
			w.Unregister(k, p)
		}
	}
	w.exitThreads(k, nil)
	if v := vm.CheckQuiet(w.spaces...); v != nil {
		k.Fail(v)
	}
	for _, inode := range w.files {
		if v := pagecache.CheckQuiet(inode); v != nil {
			k.Fail(v)
		}
	}
	for _, mm := range w.spaces {
		if mm.Hooks != nil {
			mm.Hooks.ClearState(k, mm)
		}
		vm.ExitMmap(k, mm)
	}
	for _, inode := range w.files {
		pagecache.Evict(k, inode)
	}
}

// Unwanted has the user of the probe want no process any more once the word is false, and
// its handler say so.
func (w *World) Unwanted(p *Probe) *sim.Word[bool] {
	wanted := &sim.Word[bool]{}
	wanted.Init(w.K, "wanted", true)
	p.Remove = true
	p.Filter = func(k *sim.K, _ *vm.MM) bool { return wanted.Read(k) }
	return wanted
}

// counterPage is where the file has a page with counters: the one behind the text, or the
// first if that is the last.
func (w *World) counterPage() int64 {
	next := (w.Image.PageIndex() + 1) << pagecache.PageShift
	if next >= int64(len(w.Image.Bytes)) {
		return 0
	}
	return next
}

// counterAddr is where that is mapped.
const counterAddr = 0x7c0000

// MmapCounter maps the page with the counter of the probe, for writing.
func (w *World) MmapCounter(k *sim.K, mm *vm.MM, inode *pagecache.Inode) error {
	_, err := vm.DoMmap(k, mm, inode, counterAddr, pagecache.PageSize, uint64(w.counterPage())>>pagecache.PageShift, vm.VMWrite)
	return err
}

// mustCount fails if the counter of the probe has grown by another number than it should.
func (w *World) mustCount(k *sim.K, mm *vm.MM, p *Probe, want byte) {
	b, mapped := vm.Peek(mm, counterAddr+uint64(p.Counter-w.counterPage()))
	if was := w.Image.Bytes[p.Counter]; mapped && b != was+want || !mapped && want != 0 {
		k.Fail(&sim.Violation{Kind: WrongCounter, Subject: fmt.Sprintf("%s counts %d in %s, not %d", p.state.Name(), b-was, mm.Name, want)})
	}
}
