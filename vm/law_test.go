package vm_test

import (
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"trapline/pagecache"
	"trapline/sim"
	"trapline/vm"
)

// The naive model of address spaces: an array of pages, each with its first bytes.
const (
	modelPages = 8
	modelBytes = 4 // of each page, from its beginning on
	heapStart  = 5 // page at which the heap begins
)

// content are the first bytes of a page.
type content [modelBytes]byte

// object is what several areas can map: a file, or shared anonymous memory.
type object struct {
	pages []content
}

func (o *object) has(index uint64) bool { return index < uint64(len(o.pages)) }

// slot is a page of an address space.
type slot struct {
	mapped bool
	prot   vm.Prot
	shared bool
	object *object // nil for private anonymous memory
	index  uint64
	own    *content // what the program has of its own; nil before it writes to a file's page
}

// goesOn says whether the slots are of one area if they are neighbours.
func (s slot) goesOn(next slot) bool {
	return s.mapped && next.mapped && s.prot == next.prot && s.shared == next.shared &&
		s.object == next.object && s.index+1 == next.index
}

// model is an address space and what it should be.
type model struct {
	t     *rapid.T
	w     *lawWorld
	u     *user
	mm    *vm.MM
	slots [modelPages]slot
	brk   uint64 // in pages from base
}

// lawWorld is what all tasks share.
type lawWorld struct {
	code, file *pagecache.Inode
	object     *object
	mms        []*vm.MM
	left       []*model       // processes at the end
	bad        *sim.Violation // found between two steps
}

// Mmap, and so on, are the hooks of uprobes: by them the test knows of a child when
// it begins to be.
func (w *lawWorld) Mmap(*sim.K, *vm.VMA) error               { return nil }
func (w *lawWorld) Munmap(*sim.K, *vm.VMA, uint64, uint64)   {}
func (w *lawWorld) StartDupMmap(*sim.K)                      {}
func (w *lawWorld) EndDupMmap(*sim.K)                        {}
func (w *lawWorld) DupVMA(*sim.K, *vm.VMA) error             { return nil }
func (w *lawWorld) ClearState(*sim.K, *vm.MM)                {}
func (w *lawWorld) DupMmap(_ *sim.K, _ *vm.MM, child *vm.MM) { w.mms = append(w.mms, child) }

// call is one thing that a process does.
type call struct {
	op       string
	who      int // of the processes of the task
	at, n    uint64
	to, more uint64
	prot     vm.Prot
	shared   bool
	file     bool
	b        byte
}

func drawCall(t *rapid.T) call {
	return call{
		op: rapid.SampledFrom([]string{"mmap", "store", "load", "munmap", "mprotect", "mremap", "brk", "fork",
			"store", "store", "load", "copy_to", "copy_from", "exit", "grow"}).Draw(t, "op"),
		who:    rapid.IntRange(0, 2).Draw(t, "who"),
		at:     rapid.Uint64Range(0, modelPages-1).Draw(t, "at"),
		n:      rapid.Uint64Range(1, 4).Draw(t, "n"),
		to:     rapid.Uint64Range(0, modelPages-1).Draw(t, "to"),
		more:   rapid.Uint64Range(0, 4).Draw(t, "more"),
		prot:   rapid.SampledFrom([]vm.Prot{rw, rw, vm.ProtRead, vm.ProtNone, rw | vm.ProtExec}).Draw(t, "prot"),
		shared: rapid.Bool().Draw(t, "shared"),
		file:   rapid.Bool().Draw(t, "file"),
		b:      rapid.Byte().Draw(t, "b"),
	}
}

// clip is the end of the range, within the model.
func clip(at, n uint64) uint64 { return min(at+n, modelPages) }

// do makes the call, in the model and for real, and compares. Other tasks may run
// in the midst of the real one; what they share changes in both in the same step.
func (p *model) do(k *sim.K, c call) {
	end := clip(c.at, c.n)
	length := (end - c.at) * page
	switch c.op {
	case "mmap":
		p.mmap(k, c, end)
	case "munmap":
		p.same(c, vm.DoMunmap(k, p.mm, at(c.at), length), nil)
		p.unmap(c.at, end)
	case "mprotect":
		p.mprotect(k, c, end)
	case "mremap", "grow":
		p.mremap(k, c, end)
	case "brk":
		p.moveBrk(k, c)
	case "load":
		b, err := p.u.load(k, at(c.at)+c.more%modelBytes)
		if p.same(c, err, p.fault(c.at, false)); err == nil && b != p.value(c.at)[c.more%modelBytes] {
			p.t.Errorf("%+v = %#x, want %#x", c, b, p.value(c.at)[c.more%modelBytes])
		}
	case "store":
		err := p.u.store(k, at(c.at)+c.more%modelBytes, c.b)
		if p.same(c, err, p.fault(c.at, true)); err == nil {
			p.written(c.at)[c.more%modelBytes] = c.b
		}
	case "copy_to", "copy_from":
		p.copyBytes(k, c)
	}
}

func (p *model) same(c call, err, want error) {
	p.t.Helper()
	var got, wanted *vm.Fault
	if errors.As(err, &got) && errors.As(want, &wanted) {
		if got.Signal == wanted.Signal && got.Code == wanted.Code {
			return
		}
	} else if err == want {
		return
	}
	p.t.Errorf("%+v = %v, want %v", c, err, want)
}

// fault is what an access to a page comes to.
func (p *model) fault(at uint64, write bool) error {
	s := p.slots[at]
	switch {
	case !s.mapped:
		return &vm.Fault{Signal: vm.SIGSEGV, Code: vm.SegvMaperr}
	case s.prot == vm.ProtNone || write && s.prot&vm.ProtWrite == 0:
		return &vm.Fault{Signal: vm.SIGSEGV, Code: vm.SegvAccerr}
	case s.own == nil && s.object != nil && !s.object.has(s.index):
		return &vm.Fault{Signal: vm.SIGBUS, Code: vm.BusAdrerr}
	}
	return nil
}

// value are the bytes that the program sees.
func (p *model) value(at uint64) content {
	switch s := p.slots[at]; {
	case s.own != nil:
		return *s.own
	case s.object != nil:
		return s.object.pages[s.index]
	}
	return content{}
}

// written are the bytes that the program changes when it writes.
func (p *model) written(at uint64) *content {
	s := &p.slots[at]
	if s.shared {
		return &s.object.pages[s.index]
	}
	if s.own == nil {
		v := p.value(at)
		s.own = &v
	}
	return s.own
}

func (p *model) unmap(from, end uint64) {
	for i := from; i < end; i++ {
		p.slots[i] = slot{}
	}
}

func (p *model) mmap(k *sim.K, c call, end uint64) {
	a := vm.MmapArgs{Addr: at(c.at), Length: (end - c.at) * page, Prot: c.prot, Flags: vm.MapFixed | vm.MapPrivate}
	if c.shared {
		a.Flags = vm.MapFixed | vm.MapShared
	}
	s := slot{mapped: true, prot: c.prot, shared: c.shared}
	switch {
	case c.file:
		a.File, a.Pgoff = p.w.file, c.more
		s.object, s.index = p.w.object, c.more
	case c.shared:
		a.Flags |= vm.MapAnonymous
		s.object = &object{make([]content, end-c.at)}
	default:
		a.Flags |= vm.MapAnonymous
		s.index = c.at
	}
	_, err := vm.Mmap(k, p.mm, a)
	p.same(c, err, nil)
	for i := c.at; i < end; i++ {
		p.slots[i] = s
		s.index++
	}
}

func (p *model) mprotect(k *sim.K, c call, end uint64) {
	var want error
	for i := c.at; i < end; i++ {
		if !p.slots[i].mapped {
			want = sim.ENOMEM
			break
		}
		p.slots[i].prot = c.prot
	}
	p.same(c, vm.Mprotect(k, p.mm, at(c.at), (end-c.at)*page, c.prot), want)
}

// oneArea says whether the pages are all of one area.
func (p *model) oneArea(from, end uint64) bool {
	for i := from; i < end; i++ {
		if !p.slots[i].mapped || i > from && !p.slots[i-1].goesOn(p.slots[i]) {
			return false
		}
	}
	return true
}

// mremap moves pages to another place, or with "grow" makes the range longer, or
// shorter, where it is.
func (p *model) mremap(k *sim.K, c call, end uint64) {
	n, newN := end-c.at, min(c.more+1, modelPages-c.at)
	if c.op == "grow" {
		addr, err := vm.Mremap(k, p.mm, at(c.at), n*page, newN*page, 0, 0)
		want := p.wantGrow(c.at, n, newN)
		if p.same(c, err, want); err != nil {
			return
		}
		if addr != at(c.at) {
			p.t.Errorf("%+v = %#x", c, addr)
		}
		p.unmap(min(c.at+newN, end), end)
		for i := end; i < c.at+newN; i++ {
			p.slots[i] = p.slots[i-1]
			p.slots[i].index, p.slots[i].own = p.slots[i-1].index+1, nil
		}
		return
	}
	newN = min(c.more+1, modelPages-c.to)
	_, err := vm.Mremap(k, p.mm, at(c.at), n*page, newN*page, vm.MremapMayMove|vm.MremapFixed, at(c.to))
	if c.at < c.to+newN && c.to < end {
		p.same(c, err, sim.EINVAL)
		return
	}
	p.unmap(c.to, c.to+newN)
	if newN < n {
		p.unmap(c.at+newN, end)
		n = newN
	}
	if !p.oneArea(c.at, c.at+n) {
		p.same(c, err, sim.EFAULT)
		return
	}
	p.same(c, err, nil)
	moved := append([]slot(nil), p.slots[c.at:c.at+n]...)
	p.unmap(c.at, c.at+n)
	s := slot{}
	for i := range newN {
		if i < n {
			s = moved[i]
		} else {
			s.index, s.own = s.index+1, nil
		}
		p.slots[c.to+i] = s
	}
}

func (p *model) wantGrow(at, n, newN uint64) error {
	end := at + n
	switch {
	case newN <= n && !p.slots[at].mapped:
		return sim.EFAULT
	case newN <= n:
		return nil
	case !p.oneArea(at, end):
		return sim.EFAULT
	case end < modelPages && p.slots[end].mapped:
		return sim.ENOMEM
	}
	for i := end; i < at+newN; i++ {
		if p.slots[i].mapped {
			return sim.ENOMEM
		}
	}
	return nil
}

// moveBrk moves the end of the heap by whole pages.
func (p *model) moveBrk(k *sim.K, c call) {
	to := min(heapStart+c.more, modelPages)
	want := to
	for i := p.brk; i < min(to+1, modelPages) && to > p.brk; i++ { // a page is left free
		if p.slots[i].mapped {
			want = p.brk
		}
	}
	got := vm.Brk(k, p.mm, at(to))
	if got != at(want) {
		p.t.Errorf("%+v = %#x, want %#x", c, got, at(want))
	}
	p.unmap(want, max(p.brk, want))
	for i := p.brk; i < want; i++ {
		p.slots[i] = slot{mapped: true, prot: rw, index: i}
	}
	p.brk = want
}

// copyBytes copies the beginning of a page to or from the program.
func (p *model) copyBytes(k *sim.K, c call) {
	var buf content
	var err, want error
	if p.fault(c.at, c.op == "copy_to") != nil {
		want = sim.EFAULT
	}
	if c.op == "copy_to" {
		buf = content{c.b, c.b + 1, c.b + 2, c.b + 3}
		if err = vm.CopyToUser(k, p.mm, at(c.at), buf[:]); err == nil && want == nil {
			*p.written(c.at) = buf
		}
	} else if err = vm.CopyFromUser(k, p.mm, at(c.at), buf[:]); err == nil && want == nil && buf != p.value(c.at) {
		p.t.Errorf("%+v = % x, want % x", c, buf, p.value(c.at))
	}
	p.same(c, err, want)
}

// fork is the child, in the model and for real.
func (p *model) fork(k *sim.K) *model {
	mm, err := vm.DupMM(k, p.mm, "child of "+p.mm.Name)
	if err != nil {
		p.t.Errorf("fork: %v", err)
		return p
	}
	child := *p
	child.mm = mm
	for i, s := range child.slots {
		if s.own != nil {
			own := *s.own
			child.slots[i].own = &own
		}
	}
	child.u = &user{mm, vm.NewCPU(k, "cpu of "+mm.Name)}
	child.u.cpu.SwitchMM(k, mm)
	return &child
}

// exit takes the address space down.
func (p *model) exit(k *sim.K) {
	p.u.cpu.SwitchMM(k, nil)
	vm.MMPut(k, p.mm)
}

// mostProcesses is how many processes a task has at one time.
const mostProcesses = 3

// live is a task: it makes calls for a process and its children.
func (w *lawWorld) live(k *sim.K, first *model, calls []call) {
	processes := []*model{first}
	for _, c := range calls {
		i := c.who % len(processes)
		p := processes[i]
		switch {
		case c.op == "fork" && len(processes) < mostProcesses:
			processes = append(processes, p.fork(k))
		case c.op == "exit" && len(processes) > 1:
			processes = append(processes[:i], processes[i+1:]...)
			p.exit(k)
		default:
			p.do(k, c)
		}
	}
	w.left = append(w.left, processes...)
}

// newProcess is a process with its program and some memory of its own.
func (w *lawWorld) newProcess(t *rapid.T, k *sim.K, name string, watched bool) *model {
	p := &model{t: t, w: w, mm: vm.MMAlloc(k, name), brk: heapStart}
	p.mm.Watched, p.mm.Hooks = watched, w
	vm.SetBrk(p.mm, at(heapStart))
	w.mms = append(w.mms, p.mm)
	p.u = newUser(k, p.mm, w.code)
	p.do(k, call{op: "mmap", n: 4, prot: rw})
	return p
}

// TestMemoryIsBytes checks that what programs see of their address spaces is what
// they would of arrays of bytes, whatever the tasks do, in whatever order, while
// they fork, share and exit; and that all is in order between any two steps.
func TestMemoryIsBytes(t *testing.T) {
	m := sim.NewMachine()
	defer m.Close()
	rapid.Check(t, func(t *rapid.T) {
		calls := rapid.SliceOfN(rapid.Custom(drawCall), 8, 40)
		programs := [][]call{calls.Draw(t, "a"), calls.Draw(t, "b")}
		watched := rapid.Bool().Draw(t, "watched")
		fs := rapid.SampledFrom([]*pagecache.FS{pagecache.Disk, pagecache.Ramfs}).Draw(t, "fs")
		w := &lawWorld{}
		choices := drawn(t)
		watching := sim.StrategyFunc(func(m *sim.Machine, p *sim.Point) int {
			if v := vm.CheckInvariants(w.mms...); v != nil && w.bad == nil {
				w.bad = v
				return -1
			}
			return choices.Choose(m, p)
		})
		o := m.Run(func(m *sim.Machine) {
			k := m.Setup()
			*w = lawWorld{code: newCode(k), object: &object{make([]content, filePages)}}
			w.file = pagecache.NewInode(k, "file", fileContent, fs)
			for i := range w.object.pages {
				copy(w.object.pages[i][:], fileContent[i*page:])
			}
			for i, name := range []string{"a", "b"} {
				p := w.newProcess(t, k, name, watched)
				m.Go(name, func(k *sim.K) { w.live(k, p, programs[i]) })
			}
			m.After(func(k *sim.K) {
				if v := vm.CheckQuiet(w.mms...); v != nil {
					k.Fail(v)
				}
				for _, p := range w.left {
					p.exit(k)
				}
				for _, inode := range []*pagecache.Inode{w.code, w.file} {
					if v := pagecache.CheckQuiet(inode); v != nil {
						k.Fail(v)
					}
					pagecache.Evict(k, inode)
				}
			})
		}, watching)
		if w.bad != nil {
			t.Fatalf("between two steps: %v", w.bad)
		}
		if o.Violation != nil || o.Cut || o.Abandoned {
			t.Fatalf("%v after %d steps", o.Violation, o.Steps)
		}
	})
}

// TestChecksFindDisorder plants what [vm.CheckInvariants] and [vm.CheckQuiet] must
// find.
func TestChecksFindDisorder(t *testing.T) {
	for _, c := range []struct {
		how, want string
		always    bool // also between two steps
	}{
		{"", "<nil>", false},
		{"write", "BUG: Bad page map", true},
		{"drop", "BUG: Bad page map", true},
		{"move", "BUG: Bad page map", false},
		{"total", "BUG: Bad mm_struct", true},
		{"overlap", "BUG: Bad mm_struct", true},
		{"split", "BUG: Bad mm_struct", false},
	} {
		t.Run(c.how, func(t *testing.T) {
			run(t, func(k *sim.K, mm *vm.MM, _ *pagecache.Inode) {
				l := &calls{t, k, mm, nil}
				l.mmap(0, 2, rw, anon)
				l.mmap(2, 1, vm.ProtRead, anon)
				if err := vm.CopyToUser(k, mm, at(1), []byte{1}); err != nil {
					t.Fatal(err)
				}
				child, err := vm.DupMM(k, mm, "child")
				if err != nil {
					t.Fatal(err)
				}
				vm.Break(mm, at(1), c.how)
				quiet, always := vm.CheckQuiet(mm, child), vm.CheckInvariants(mm, child)
				if got := class(quiet); got != c.want {
					t.Errorf("when quiet: %v, want %s", quiet, c.want)
				}
				if got := class(always); got != c.want && c.always || got != "<nil>" && !c.always {
					t.Errorf("at any time: %v", always)
				}
				k.Assume(false) // what is left is beyond repair
			})
		})
	}
}

func class(v *sim.Violation) string {
	if v == nil {
		return "<nil>"
	}
	return fmt.Sprint(v.Kind.Class)
}
