package uprobes

import (
	"context"
	"slices"
	"testing"

	"trapline/pagecache"
	"trapline/probes/uprobes"
	"trapline/sim"
	"trapline/sim/explore"
	"trapline/vm"
)

// breaker is a design that breaks its contract. What is nil is done as it should be.
type breaker struct {
	uprobes.Scheme
	vm.Hooks
	handler    func(k *sim.K, p *uprobes.Probe)
	int3       func(trap uprobes.Trap, insn []byte) (uprobes.Trap, []byte)
	registered func(k *sim.K, p *uprobes.Probe)
	unregister func(b *breaker, k *sim.K, p *uprobes.Probe, unregister func())
	mine       []*uprobes.Probe // what the inner design is given, for
	theirs     []*uprobes.Probe // these
	mm         *vm.MM           // has trapped
}

func (b *breaker) RegisterUprobe(k *sim.K, p *uprobes.Probe) error {
	q := *p
	if b.handler != nil {
		q.Handler = func(k *sim.K) { b.handler(k, p) }
	}
	b.mine, b.theirs = append(b.mine, &q), append(b.theirs, p)
	err := b.Scheme.RegisterUprobe(k, &q)
	if b.registered != nil {
		b.registered(k, p)
	}
	return err
}

func (b *breaker) UnregisterUprobe(k *sim.K, p *uprobes.Probe) {
	i := slices.Index(b.theirs, p)
	q := b.mine[i]
	b.mine, b.theirs = slices.Delete(b.mine, i, i+1), slices.Delete(b.theirs, i, i+1)
	unregister := func() { b.Scheme.UnregisterUprobe(k, q) }
	if b.unregister == nil {
		unregister()
		return
	}
	b.unregister(b, k, p, unregister)
}

func (b *breaker) Int3(k *sim.K, mm *vm.MM, addr uint64) (uprobes.Trap, []byte) {
	b.mm = mm
	trap, insn := b.Scheme.Int3(k, mm, addr)
	if b.int3 == nil {
		return trap, insn
	}
	return b.int3(trap, insn)
}

// denier is a design that does not know of its breakpoints.
type denier struct{ threader }

func (denier) MayHaveUprobes(*vm.MM) bool { return false }

// contractWorld is a program that is probed and executed, read, executed without a probe,
// and probed once more.
func contractWorld(w *World) {
	file := w.File(pagecache.Ramfs)
	mm := w.Space("victim")
	pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
	p := w.Probe(file, w.Image.Symbol, 0)
	must(w.K, w.Mmap(w.K, mm, file))
	w.M.Go("program", func(k *sim.K) {
		must(k, w.Register(k, p))
		w.Execute(k, mm, p)
		w.Read(k, file)
		w.Unregister(k, p)
		w.ExecuteIfMapped(k, mm)
		must(k, w.Register(k, p))
	})
}

// TestContract shows that each sentence of the contract is held to: a design that breaks
// it, and nothing else, is found out.
func TestContract(t *testing.T) {
	like := func(break_ breaker) *uprobes.Design {
		d := *uprobes.RegisterRwsem
		d.New = func(k *sim.K) uprobes.Scheme {
			b := break_
			b.Scheme = uprobes.RegisterRwsem.New(k)
			b.Hooks = b.Scheme.(vm.Hooks)
			return &b
		}
		return &d
	}
	toFile := func(k *sim.K, p *uprobes.Probe, b byte) {
		page := pagecache.FindGetPage(k, p.Inode.Mapping, uint64(p.Offset)>>pagecache.PageShift)
		pagecache.WriteByte(k, page, int(p.Offset&(pagecache.PageSize-1)), b)
		pagecache.PageCacheRelease(k, page)
	}
	denying := *uprobes.Today
	denying.New = func(k *sim.K) uprobes.Scheme { return denier{uprobes.Today.New(k).(threader)} }
	for _, c := range []struct {
		name, want string
		design     *uprobes.Design
	}{
		{"kept", "", like(breaker{})},
		{"hit: not at all", "BUG: probe missed in execute", like(breaker{handler: func(*sim.K, *uprobes.Probe) {}})},
		{"hit: twice", "BUG: probe missed in execute", like(breaker{handler: func(k *sim.K, p *uprobes.Probe) { p.Handler(k); p.Handler(k) }})},
		{"silence", "BUG: handler called after unregister in handler", like(breaker{unregister: func(*breaker, *sim.K, *uprobes.Probe, func()) {}})},
		{"no stray trap", "BUG: program killed by SIGTRAP in do_int3", like(breaker{int3: func(uprobes.Trap, []byte) (uprobes.Trap, []byte) { return uprobes.NotOurs, nil }})},
		{"original", "BUG: wrong instruction stepped in execute", like(breaker{int3: func(trap uprobes.Trap, insn []byte) (uprobes.Trap, []byte) {
			return trap, slices.Concat([]byte{0x90}, insn)
		}})},
		{"text: a mapping", "BUG: program text corrupted in execute_if_mapped", like(breaker{unregister: func(b *breaker, k *sim.K, p *uprobes.Probe, unregister func()) {
			unregister()
			vm.AccessRemoteVM(k, b.mm, vm.DefaultImage().Addr, []byte{0x90}, true)
		}})},
		{"text: read(2)", "BUG: program text corrupted in read", like(breaker{registered: func(k *sim.K, p *uprobes.Probe) { toFile(k, p, breakpoint) }})},
		{"text: what will be read", "BUG: program text corrupted in must_be_silent", like(breaker{unregister: func(b *breaker, k *sim.K, p *uprobes.Probe, unregister func()) {
			unregister()
			toFile(k, p, breakpoint)
		}})},
		{"no leak: the probe", "memory leak in alloc_uprobe", like(breaker{unregister: func(b *breaker, k *sim.K, p *uprobes.Probe, unregister func()) {
			p.Handler = func(*sim.K) {} // so that it is not called too late
		}, handler: func(k *sim.K, p *uprobes.Probe) { p.Handler(k) }})},
		{"no leak: a page", "BUG: Bad page state in quiet", like(breaker{registered: func(k *sim.K, p *uprobes.Probe) {
			pagecache.FindGetPage(k, p.Inode.Mapping, uint64(p.Offset)>>pagecache.PageShift)
		}})},
		{"page protocol", "BUG: Bad page state in quiet", like(breaker{handler: func(k *sim.K, p *uprobes.Probe) {
			p.Handler(k)
			page := pagecache.FindGetPage(k, p.Inode.Mapping, uint64(p.Offset)>>pagecache.PageShift)
			pagecache.LockPage(k, page)
			pagecache.PageCacheRelease(k, page)
		}})},
		{"a process that is said to have no breakpoint", "BUG: breakpoint denied in must_be_silent", &denying},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := explore.Run(context.Background(), func(m *sim.Machine) { contractWorld(newWorld(m, c.design, vm.DefaultImage())) }, explore.Options{})
			if err != nil {
				t.Fatal(err)
			}
			var titles []string
			for _, f := range r.Findings {
				titles = append(titles, f.Violation.Title)
			}
			switch {
			case c.want == "" && r.Verdict() != explore.Clean:
				t.Errorf("%s, %q", r.Coverage(), titles)
			case c.want != "" && !slices.Equal(titles, []string{c.want}):
				t.Errorf("%q, not %q", titles, c.want)
			}
		})
	}
}
