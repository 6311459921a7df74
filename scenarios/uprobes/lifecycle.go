package uprobes

import (
	"bytes"
	"fmt"

	"trapline/pagecache"
	"trapline/probes/uprobes"
	"trapline/scenarios/lifecycle"
	"trapline/sim"
	"trapline/vm"
)

// WrongBytes is a page that, when all is quiet, shows something else than the file with
// a breakpoint exactly where a probe is registered.
var WrongBytes = sim.Kind{Name: "wrong-bytes", Class: "BUG: mapped page differs"}

// lifeVerb is a verb of the language of uprobes. A place is one of the two probed
// instructions, address spaces, or sizes of the file. Each task has a probe of its own at
// each instruction: those at one are the consumers of one uprobe, who come and go.
type lifeVerb struct {
	lifecycle.Verb
	do func(l *life, k *sim.K, task, place int)
}

var lifeVerbs = []lifeVerb{
	{lifecycle.Verb{Name: "register", Places: 2}, (*life).register},
	{lifecycle.Verb{Name: "unregister", Places: 2}, (*life).unregister},
	{lifecycle.Verb{Name: "mmap", Places: 2}, (*life).mmap},
	{lifecycle.Verb{Name: "munmap", Places: 2}, (*life).munmap},
	{lifecycle.Verb{Name: "mremap", Places: 2}, (*life).mremap},
	{lifecycle.Verb{Name: "fork", Places: 2}, (*life).fork},
	{lifecycle.Verb{Name: "exec", Places: 2}, (*life).exec},
	{lifecycle.Verb{Name: "fault", Places: 2}, (*life).fault},
	{lifecycle.Verb{Name: "execute", Places: 2}, (*life).run},
	{lifecycle.Verb{Name: "reclaim", Places: 1}, (*life).reclaim},
	{lifecycle.Verb{Name: "truncate", Places: 2}, (*life).truncate},
	{lifecycle.Verb{Name: "read", Places: 1}, (*life).read},
	{lifecycle.Verb{Name: "mprotect", Places: 2}, (*life).mprotect},
	{lifecycle.Verb{Name: "write", Places: 2}, (*life).write},
	{lifecycle.Verb{Name: "exit", Places: 2}, (*life).exit},
	{lifecycle.Verb{Name: "signal", Places: signalKinds}, (*life).signal},
}

// Language is what drawn programs do to a program that is probed. Both probed
// instructions lie in one page of one file, both address spaces can map it.
var Language = func() *lifecycle.Language {
	l := &lifecycle.Language{
		Knobs: []lifecycle.Knob{
			{Name: "disk", Values: 2},      // the file lies on a disk that takes its time
			{Name: "readahead", Values: 3}, // pages that are read ahead
			{Name: "io-errors", Values: 2}, // reads may fail
		},
		Tasks: 4, Operations: 8,
	}
	for _, v := range lifeVerbs {
		l.Verbs = append(l.Verbs, v.Verb)
	}
	return l
}()

// Subjects are the designs with what drawn programs do to them.
func Subjects() []*lifecycle.Subject {
	var all []*lifecycle.Subject
	for _, d := range uprobes.Designs() {
		all = append(all, subject(d))
	}
	return all
}

func subject(d *uprobes.Design) *lifecycle.Subject {
	return &lifecycle.Subject{Design: &d.Design, Language: Language, Run: func(p *lifecycle.Program, image *vm.Image) sim.Program {
		return func(m *sim.Machine) { live(newWorld(m, d, image), p) }
	}}
}

// life is the world of a drawn program.
type life struct {
	*World
	file   *pagecache.Inode
	mms    [2]*vm.MM
	owned  [][2]*Probe // by task
	length int64       // the least that the file ever had
	// whole says that nobody truncates the file, so that each execution is held to
	// the contract. In a file that is cut off and grown again under a probe, it is
	// anyone's guess what is executed; and where a page cannot be read when a
	// process maps it, such a copy has no breakpoint, in Linux as well.
	whole bool
	signals
}

// live builds the world of a program and starts its tasks.
func live(world *World, p *lifecycle.Program) {
	fs := pagecache.Ramfs
	if p.Knob("disk") > 0 {
		fs = pagecache.Disk
	}
	l := &life{World: world, file: world.File(fs)}
	l.whole = !p.Uses("truncate") && (!l.copies() || p.Knob("io-errors") == 0)
	l.file.IOMayFail, l.file.ReadaheadPages = p.Knob("io-errors") > 0, p.Knob("readahead")
	l.length = int64(len(l.Image.Bytes))
	for i := range l.mms {
		l.mms[i] = l.Space(fmt.Sprint("mm", i))
	}
	l.owned = make([][2]*Probe, len(p.Tasks))
	l.initSignals(p)
	for i, ops := range p.Tasks {
		for place := range l.owned[i] {
			skip := int64(place * len(l.Image.Insn))
			l.owned[i][place] = l.Probe(l.file, fmt.Sprintf("probe%d of t%d", place, i), skip)
		}
		l.M.Go(fmt.Sprint("t", i), func(k *sim.K) {
			*countOf(k, &l.numbers) = i
			for _, op := range ops {
				lifeVerbs[op.Verb].do(l, k, i, op.Place)
			}
		})
	}
	l.AtRest(l.settled)
}

// register fails if another task's probe is in the way.
func (l *life) register(k *sim.K, task, place int) {
	if p := l.owned[task][place]; !p.active {
		_ = l.Register(k, p)
	}
}

func (l *life) unregister(k *sim.K, task, place int) {
	if p := l.owned[task][place]; p.active {
		l.Unregister(k, p)
	}
}

// mmap fails if something is mapped already.
func (l *life) mmap(k *sim.K, _, place int) { _ = l.Mmap(k, l.mms[place], l.file) }

func (l *life) munmap(k *sim.K, _, place int) { must(k, l.Munmap(k, l.mms[place])) }

// aside is where mremap moves the text to for a while.
const aside = 0x10_0000_0000

// mremap moves the text away and back, if there is any.
func (l *life) mremap(k *sim.K, _, place int) {
	start, length, _ := l.text()
	const flags = vm.MremapMayMove | vm.MremapFixed
	if _, err := vm.Mremap(k, l.mms[place], start, length, length, flags, start+aside); err == nil {
		_, _ = vm.Mremap(k, l.mms[place], start+aside, length, length, flags, start)
	}
}

// fork has the child execute both instructions, and exit.
func (l *life) fork(k *sim.K, task, place int) {
	child, err := vm.DupMM(k, l.mms[place], fmt.Sprintf("child of t%d", task))
	if err != nil {
		return
	}
	for i := range l.owned[task] {
		l.execute(k, child, i)
	}
	vm.MMPut(k, child)
}

// exit ends a process as soon as it is born.
func (l *life) exit(k *sim.K, task, place int) {
	if child, err := vm.DupMM(k, l.mms[place], fmt.Sprintf("child of t%d", task)); err == nil {
		vm.MMPut(k, child)
	}
}

// exec replaces what is mapped by the same program.
func (l *life) exec(k *sim.K, task, place int) {
	l.munmap(k, task, place)
	l.mmap(k, task, place)
}

func (l *life) fault(k *sim.K, _, place int) {
	_ = vm.HandleMmFault(k, l.mms[place], l.Image.Addr, false)
}

// mprotect makes the text writable for a while.
func (l *life) mprotect(k *sim.K, _, place int) {
	start, length, _ := l.text()
	const prot = vm.ProtRead | vm.ProtExec
	if vm.Mprotect(k, l.mms[place], start, length, prot|vm.ProtWrite) == nil {
		_ = vm.Mprotect(k, l.mms[place], start, length, prot)
	}
}

// write is a program that writes to its text, what is there already: it gets a page of
// its own. A design that patches the page of the file cannot do anything about that, and
// is spared it.
func (l *life) write(k *sim.K, _, place int) {
	mm := l.mms[place]
	start, length, _ := l.text()
	const prot = vm.ProtRead | vm.ProtExec
	if vm.Mprotect(k, mm, start, length, prot|vm.ProtWrite) == nil {
		_ = vm.HandleMmFault(k, mm, l.Image.Addr, l.copies())
		_ = vm.Mprotect(k, mm, start, length, prot)
	}
}

func (l *life) run(k *sim.K, _, place int) { l.execute(k, l.mms[place], place) }

func (l *life) reclaim(k *sim.K, _, _ int) {
	pagecache.Reclaim(k, l.file, uint64(l.Image.PageIndex()))
}

// truncate cuts the file off, at its beginning or in the middle of the probed page but
// before the probes, and makes it as long again as it was.
func (l *life) truncate(k *sim.K, _, place int) {
	size := []int64{0, l.Image.Offset - 8}[place]
	if pagecache.DoTruncate(k, l.file, size) == nil {
		l.length = min(l.length, size)
		_ = pagecache.DoTruncate(k, l.file, int64(len(l.Image.Bytes)))
	}
}

func (l *life) read(k *sim.K, _, _ int) {
	got, _ := pagecache.DoGenericMappingRead(k, l.file, l.Image.Offset, 1)
	l.mustBeFile(k, l.Image.Offset, got)
}

// execute executes the instruction at a place, unless it is not mapped or cannot be
// read. The instruction that is stepped must be the one that was saved, and the probes
// that are there throughout must be hit, if the file stays whole. It is false if a signal
// has ended the thread.
func (l *life) execute(k *sim.K, mm *vm.MM, place int) (alive bool) {
	addr := l.Image.Addr + uint64(place*len(l.Image.Insn))
	var runs []run
	if l.whole {
		for _, probes := range l.owned {
			runs = append(runs, probes[place].beginRun(k))
		}
	}
	for done := false; !done; {
		if !l.exitToUserMode(k, mm, addr) {
			return false
		}
		b, mapped := vm.Fetch(k, mm, addr)
		switch {
		case !mapped:
			if vm.HandleMmFault(k, mm, addr, false) != nil {
				return true
			}
		case b != breakpoint:
			done = true
		default:
			done = l.trap(k, mm, addr)
		}
	}
	for i, r := range runs {
		l.owned[i][place].endRun(k, r)
	}
	return true
}

// trap is the breakpoint at addr. It says whether the instruction was stepped.
func (l *life) trap(k *sim.K, mm *vm.MM, addr uint64) bool {
	insn, stepped := l.doInt3(k, mm, addr)
	if stepped && (len(insn) == 0 || insn[0] == breakpoint) {
		k.Fail(&sim.Violation{Kind: WrongOriginal, Subject: hex(insn)})
	}
	return stepped
}

// settled is what has to be when all is quiet: every mapped page shows the breakpoint
// exactly where a probe is registered, and the file's own bytes everywhere else; and
// these everywhere when all probes are gone. Where the file was cut off for a while there
// may be zeroes as well; and no breakpoint, if the design gives each process a page of its
// own with the breakpoint in it: the cut takes such pages away, in Linux as well.
func (l *life) settled(k *sim.K) {
	l.compareAll(k, "with the probes that are left")
	for _, probes := range l.owned {
		for _, p := range probes {
			if p.active {
				l.Unregister(k, p)
			}
		}
	}
	l.compareAll(k, "after the last unregister")
}

var _ = sim.Plumbing("compare_all", "compare_page")

func (l *life) compareAll(k *sim.K, when string) {
	start, length, pgoff := l.text()
	for at := uint64(0); at < length; at += pagecache.PageSize {
		want := l.wanted(int64(pgoff<<pagecache.PageShift + at))
		for _, mm := range l.mms {
			if got := vm.PeekPage(mm, start+at); got != nil && !bytes.Equal(got, want) {
				l.comparePage(k, mm, int64(pgoff<<pagecache.PageShift+at), got, want, when)
			}
		}
	}
}

// wanted is what the page at an offset of the file has to show.
func (l *life) wanted(off int64) []byte {
	want := make([]byte, pagecache.PageSize)
	copy(want, l.Image.Bytes[min(off, int64(len(l.Image.Bytes))):])
	for _, probes := range l.owned {
		for _, p := range probes {
			if p.active && p.Offset >= off && p.Offset < off+pagecache.PageSize {
				want[p.Offset-off] = breakpoint
			}
		}
	}
	return want
}

func (l *life) comparePage(k *sim.K, mm *vm.MM, off int64, got, want []byte, when string) {
	for i, b := range got {
		at := off + int64(i)
		zero := b == 0 && at >= l.length
		if b == want[i] || zero && want[i] != breakpoint {
			continue
		}
		if l.copies() && !l.whole && want[i] == breakpoint && (zero || b == l.Image.Bytes[at]) {
			continue
		}
		k.Fail(&sim.Violation{Kind: WrongBytes, Subject: fmt.Sprintf("%s has %02x at %#x, not %02x, %s", mm.Name, b, at, want[i], when)})
	}
}
