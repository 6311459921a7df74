package explore_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"trapline/sim"
	"trapline/sim/explore"
	"trapline/sim/memory"
)

// protocol is one between tasks that a barrier keeps, or does not.
type protocol struct {
	name    string
	program sim.Program
	// broken lists the models under which a rule is broken, by the beginning of its
	// title; under the others the search is complete and finds nothing.
	broken map[memory.Model]string
}

var everyModel = []memory.Model{memory.SC, memory.TSO, memory.LKMM}

type barrier func(k *sim.K)

var (
	mb  barrier = (*sim.K).SmpMb
	rmb barrier = (*sim.K).SmpRmb
	wmb barrier = (*sim.K).SmpWmb
)

// message passes a message, with marked accesses.
func message(w, r barrier) sim.Program {
	return weakly(2, func(k *sim.K, s *weakWorld, i int) {
		if i == 0 {
			s.w[0].Write(k, 1)
			w(k)
			s.w[1].Write(k, 1)
			return
		}
		if s.w[1].Read(k) == 1 {
			r(k)
			k.BugOn(s.w[0].Read(k) == 0, "out of order")
		}
	})
}

// flagged is Dekker's way to keep two tasks apart.
func flagged(between barrier) sim.Program {
	return weakly(2, func(k *sim.K, s *weakWorld, i int) {
		s.w[i].Write(k, 1)
		between(k)
		if s.w[1-i].Read(k) == 0 {
			k.BugOn(s.a.IncReturn(k) == 2, "out of order")
		}
	})
}

// flaggedBehind is the same behind a section of RCU that ends in the midst of one of SRCU, in
// which a task waits for a grace period of RCU.
func flaggedBehind(m *sim.Machine) {
	var ss sim.SRCU
	m.Setup().InitSRCUStruct(&ss, "ss")
	weakly(2, func(k *sim.K, s *weakWorld, i int) {
		if i == 0 {
			k.RCUReadLock()
			idx := k.SRCUReadLock(&ss)
			k.RCUReadUnlock()
			k.SynchronizeRCU()
			k.SRCUReadUnlock(&ss, idx)
		}
		s.w[i].Write(k, 1)
		if s.w[1-i].Read(k) == 0 {
			k.BugOn(s.a.IncReturn(k) == 2, "out of order")
		}
	})(m)
}

// sequence is a seqcount of words, with barriers in four places.
func sequence(b [4]barrier) sim.Program {
	return weakly(2, func(k *sim.K, s *weakWorld, i int) {
		seq, x, y := &s.w[0], &s.w[1], &s.w[2]
		if i == 0 {
			seq.Write(k, 1)
			b[0](k)
			x.Write(k, 1)
			y.Write(k, 1)
			b[1](k)
			seq.Write(k, 2)
			return
		}
		start := seq.Read(k)
		b[2](k)
		vx, vy := x.Read(k), y.Read(k)
		b[3](k)
		k.BugOn(start != 1 && seq.Read(k) == start && vx != vy, "out of order")
	})
}

type published struct {
	life  sim.Life
	field sim.Cell[int]
}

// publish publishes an object to a reader of RCU, and takes it back.
func publish(release, wait bool) sim.Program {
	return func(m *sim.Machine) {
		k := m.Setup()
		var at sim.Word[*published]
		var other sim.Word[int]
		at.Init(k, "at", nil)
		other.Init(k, "other", 0)
		m.Go("updater", func(k *sim.K) {
			o := &published{}
			k.Born(&o.life, "object")
			o.field.Init(k, "object.field")
			o.field.In(&o.life)
			o.field.Set(k, 1)
			if release {
				at.StoreRelease(k, o)
			} else {
				at.Write(k, o)
			}
			at.Write(k, nil)
			if wait {
				k.SynchronizeRCU()
			}
			k.Kfree(&o.life)
		})
		m.Go("reader", func(k *sim.K) {
			k.RCUReadLock()
			if o := at.Read(k); o != nil {
				other.Read(k)
				k.BugOn(o.field.Get(k) != 1, "out of order")
			}
			k.RCUReadUnlock()
		})
	}
}

// handed has a task hand plain data to another.
func handed(give, take func(k *sim.K, w *weakWorld)) sim.Program {
	return func(m *sim.Machine) {
		w := newWeakWorld(m)
		var data sim.Cell[int]
		data.Init(m.Setup(), "data")
		m.Go("giver", func(k *sim.K) {
			data.Set(k, 1)
			give(k, w)
		})
		m.Go("taker", func(k *sim.K) {
			take(k, w)
			if w.w[15].Peek() == 0 {
				k.BugOn(data.Get(k) != 1, "out of order")
			}
		})
	}
}

// handling passes a message between a task and a handler that comes on its CPU, or on
// another.
func handling(cpu int, sender, receiver func(k *sim.K, w *weakWorld)) sim.Program {
	return func(m *sim.Machine) {
		w := newWeakWorld(m)
		m.GoOn(1, "other", func(*sim.K) {})
		m.GoOn(0, "task", func(k *sim.K) {
			k.InterruptOn(cpu, "handler", func(k *sim.K) { sender(k, w) })
			receiver(k, w)
		})
	}
}

func send(k *sim.K, w *weakWorld) {
	w.w[0].Write(k, 1)
	w.w[1].Write(k, 1)
}

func receive(k *sim.K, w *weakWorld) {
	k.BugOn(w.w[1].Read(k) == 1 && w.w[0].Read(k) == 0, "out of order")
}

// freed is a use of what the setup has freed.
func freed(m *sim.Machine) {
	k, o := m.Setup(), &published{}
	k.Born(&o.life, "object")
	o.field.Init(k, "object.field")
	o.field.In(&o.life)
	k.Kfree(&o.life)
	m.Go("user", func(k *sim.K) { o.field.Get(k) })
}

// freedBeside has a task free an object whose plain data another reads in a step on
// something else.
func freedBeside(m *sim.Machine) {
	k, w, o := m.Setup(), newWeakWorld(m), &published{}
	k.Born(&o.life, "object")
	o.field.Init(k, "object.field")
	o.field.In(&o.life)
	m.Go("user", func(k *sim.K) {
		k.SpinLock(&w.lock)
		o.field.Get(k)
		k.SpinUnlock(&w.lock)
	})
	m.Go("owner", func(k *sim.K) { k.Kfree(&o.life) })
}

var protocols = []protocol{
	{"message without barriers", message(none, none), map[memory.Model]string{memory.LKMM: "kernel BUG"}},
	{"message without smp_rmb", message(wmb, none), map[memory.Model]string{memory.LKMM: "kernel BUG"}},
	{"message without smp_wmb", message(none, rmb), map[memory.Model]string{memory.LKMM: "kernel BUG"}},
	{"message", message(wmb, rmb), nil},
	{"flags without smp_mb", flagged(none), map[memory.Model]string{memory.TSO: "kernel BUG", memory.LKMM: "kernel BUG"}},
	{"flags with smp_wmb", flagged(wmb), map[memory.Model]string{memory.TSO: "kernel BUG", memory.LKMM: "kernel BUG"}},
	{"flags", flagged(mb), nil},
	{"flags behind sections that overlap", flaggedBehind, map[memory.Model]string{memory.TSO: "kernel BUG", memory.LKMM: "kernel BUG"}},
	{"sequence", sequence([4]barrier{wmb, wmb, rmb, rmb}), nil},
	{"sequence without the first smp_wmb", sequence([4]barrier{none, wmb, rmb, rmb}), map[memory.Model]string{memory.LKMM: "kernel BUG"}},
	{"sequence without the second smp_wmb", sequence([4]barrier{wmb, none, rmb, rmb}), map[memory.Model]string{memory.LKMM: "kernel BUG"}},
	{"sequence without the first smp_rmb", sequence([4]barrier{wmb, wmb, none, rmb}), map[memory.Model]string{memory.LKMM: "kernel BUG"}},
	{"sequence without the second smp_rmb", sequence([4]barrier{wmb, wmb, rmb, none}), map[memory.Model]string{memory.LKMM: "kernel BUG"}},
	{"publishing", publish(true, true), nil},
	{"publishing with WRITE_ONCE", publish(false, true), map[memory.Model]string{memory.LKMM: "KCSAN: data-race"}},
	{"publishing without synchronize_rcu", publish(true, false), map[memory.Model]string{
		memory.SC: "KASAN: slab-use-after-free", memory.TSO: "KASAN: slab-use-after-free", memory.LKMM: "KASAN: slab-use-after-free",
	}},
	{"a handler reads what its CPU has stored", handling(sim.ThisCPU, receive, send), nil},
	{"a handler has stored on the CPU of a reader", handling(sim.ThisCPU, send, receive), nil},
	{"a handler reads what another CPU has stored", handling(1, receive, send), map[memory.Model]string{memory.LKMM: "kernel BUG"}},
	{"a handler has stored on another CPU", handling(1, send, receive), map[memory.Model]string{memory.LKMM: "kernel BUG"}},
	{"a use of what the setup has freed", freed, map[memory.Model]string{
		memory.SC: "KASAN: slab-use-after-free", memory.TSO: "KASAN: slab-use-after-free", memory.LKMM: "KASAN: slab-use-after-free",
	}},
	{"a use of what is freed at any time", freedBeside, map[memory.Model]string{
		memory.SC: "KASAN: slab-use-after-free", memory.TSO: "KASAN: slab-use-after-free", memory.LKMM: "KASAN: slab-use-after-free",
	}},
	{"handing over by release and acquire", handed(
		func(k *sim.K, w *weakWorld) { w.w[0].StoreRelease(k, 1) },
		func(k *sim.K, w *weakWorld) { w.w[0].CondLoadAcquire(k, func(v int) bool { return v == 1 }) }), nil},
	{"handing over with no order", handed(
		func(k *sim.K, w *weakWorld) { w.w[0].Write(k, 1) },
		func(k *sim.K, w *weakWorld) { w.w[0].CondLoadRelaxed(k, func(v int) bool { return v == 1 }) }),
		map[memory.Model]string{memory.LKMM: "KCSAN: data-race"}},
	{"handing over in a loop", handed(
		func(k *sim.K, w *weakWorld) { w.w[0].StoreRelease(k, 1) },
		func(k *sim.K, w *weakWorld) {
			for w.w[0].LoadAcquire(k) == 0 {
			}
		}), nil},
}

func titles(r *explore.Result) []string {
	var all []string
	for _, f := range r.Findings {
		all = append(all, f.Violation.Title)
	}
	return all
}

func TestBarriers(t *testing.T) {
	for _, test := range protocols {
		for _, model := range everyModel {
			r, err := explore.Run(context.Background(), test.program, explore.Options{Memory: model})
			if err != nil {
				t.Errorf("%s under %v: %v", test.name, model, err)
				continue
			}
			want := test.broken[model]
			found := slices.ContainsFunc(titles(r), func(s string) bool { return strings.HasPrefix(s, want) })
			if want != "" && !found || want == "" && len(r.Findings) > 0 || !r.Complete {
				t.Errorf("%s under %v: %q, %s; want %q", test.name, model, titles(r), r.Coverage(), want)
			}
		}
	}
}

// TestSamplesNeverDie has executions drawn: the model always leaves a choice.
func TestSamplesNeverDie(t *testing.T) {
	for _, test := range protocols {
		for _, model := range everyModel {
			for _, strategy := range []string{explore.Random, explore.PCT} {
				r, err := explore.Run(context.Background(), test.program, explore.Options{Memory: model, Strategy: strategy, Executions: 200, SelfCheck: true})
				if err != nil || r.Blocked > 0 || r.Executions != 200 {
					t.Errorf("%s under %v: %s, %v", test.name, model, r.Coverage(), err)
				}
				if want := test.broken[model]; want == "" && len(r.Findings) > 0 {
					t.Errorf("%s under %v: %q", test.name, model, titles(r))
				}
			}
		}
	}
}

// TestStaleReadIsExplained reads the record of a message that is passed without
// barriers.
func TestStaleReadIsExplained(t *testing.T) {
	r, err := explore.Run(context.Background(), message(none, none), explore.Options{Memory: memory.LKMM})
	if err != nil || len(r.Findings) != 1 {
		t.Fatal(err, titles(r))
	}
	var remarks []string
	for _, l := range r.Findings[0].Records {
		if l.Remark == "memory" {
			remarks = append(remarks, l.Text)
		}
	}
	want := []string{
		"w0 reads the first value, not the newer store of t0 in step 0: nothing orders it, or what told of it, before the load",
		"forbidden by smp_wmb() of t0 between WRITE_ONCE(w0) (step 0) and WRITE_ONCE(w1) (step 1), with smp_rmb() of t1 between READ_ONCE(w1) (step 2) and READ_ONCE(w0) (step 3)",
	}
	if !slices.Equal(remarks, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(remarks, "\n"), strings.Join(want, "\n"))
	}
	if s := r.Findings[0].Schedule.String(); s != "!lkmm,=1@3" {
		t.Errorf("schedule %s", s)
	}
}
