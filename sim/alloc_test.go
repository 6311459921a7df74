package sim_test

import (
	"context"
	"errors"
	"testing"

	"trapline/sim"
	"trapline/sim/explore"
)

func TestAllocRules(t *testing.T) {
	free := func(k *sim.K, w *world) { k.Kfree(&w.life) }
	alloc := func(gfp sim.GFP) task {
		return func(k *sim.K, w *world) {
			var l sim.Life
			k.SpinLock(&w.spin)
			if err := k.Kzalloc(&l, "object", gfp); err != nil {
				panic(err)
			}
			k.SpinUnlock(&w.spin)
			k.Kfree(&l)
		}
	}
	after := func(f task) task {
		return func(k *sim.K, w *world) { await(k, w); f(k, w) }
	}
	freeAndTell := func(k *sim.K, w *world) { free(k, w); complete(k, w) }
	try(t, []planted{
		{"read after free", sim.UseAfterFree, []task{free, func(k *sim.K, w *world) { w.in.Read(k) }}, nil},
		{"write after free", sim.UseAfterFree, []task{free, func(k *sim.K, w *world) { w.in.Write(k, 1) }}, nil},
		{"mutex in freed memory", sim.UseAfterFree, []task{free, func(k *sim.K, w *world) {
			k.MutexLock(&w.inLock)
			k.MutexUnlock(&w.inLock)
		}}, nil},
		{"plain data in freed memory", sim.UseAfterFree, []task{
			func(k *sim.K, w *world) { w.x.Read(k); w.inData.Get(k) },
			free,
		}, nil},
		{"plain data in freed memory, the other way round", sim.UseAfterFree, []task{
			free,
			func(k *sim.K, w *world) { w.x.Read(k); w.inData.Set(k, 1) },
		}, nil},
		{"freed under a lock that a task waits for", sim.UseAfterFree, []task{
			func(k *sim.K, w *world) { k.MutexLock(&w.inLock); w.x.Read(k); k.MutexUnlock(&w.inLock); free(k, w) },
			func(k *sim.K, w *world) { k.MutexLock(&w.inLock); k.MutexUnlock(&w.inLock) },
		}, nil},
		{"freed when the reader is known to be done", sim.Kind{}, []task{
			func(k *sim.K, w *world) { w.in.Read(k); complete(k, w) },
			after(free),
		}, nil},
		{"something else used after free", sim.Kind{}, []task{free, func(k *sim.K, w *world) { w.x.Read(k) }}, nil},
		{"double free", sim.DoubleFree, []task{freeAndTell, after(free)}, nil},
		{"free by whoever wins", sim.Kind{}, []task{
			func(k *sim.K, w *world) {
				if w.x.Xchg(k, 1) == 0 {
					free(k, w)
				}
			},
			func(k *sim.K, w *world) {
				if w.x.Xchg(k, 1) == 0 {
					free(k, w)
				}
			},
		}, nil},
		{"free twice of one that lives twice", sim.Kind{}, []task{func(k *sim.K, w *world) {
			free(k, w)
			k.Born(&w.life, "life")
			free(k, w)
		}}, nil},
		{"leak", sim.Leak, []task{func(k *sim.K, w *world) {
			w.x.Read(k)
			var l sim.Life
			_ = k.Kzalloc(&l, "object", sim.GFPKernel)
		}}, nil},
		{"leak in one order only", sim.Leak, []task{
			func(k *sim.K, w *world) {
				var l sim.Life
				w.y.Read(k)
				_ = k.Kzalloc(&l, "object", sim.GFPKernel)
				if w.x.Read(k) == 0 {
					k.Kfree(&l)
				}
			},
			func(k *sim.K, w *world) { w.x.Write(k, 1) },
		}, nil},
		{"freed by another task", sim.Kind{}, []task{
			func(k *sim.K, w *world) { w.x.Read(k); k.Born(&w.life, "life"); complete(k, w) },
			after(free),
		}, nil},
		{"GFP_KERNEL under a spinlock", sim.Atomic, []task{alloc(sim.GFPKernel)}, nil},
		{"GFP_ATOMIC under a spinlock", sim.Kind{}, []task{alloc(sim.GFPAtomic)}, nil},
		{"method of a freed table", sim.UseAfterFree, []task{free, func(k *sim.K, w *world) { k.Use(opCall, &w.life) }}, nil},
		{"released with the last reference", sim.UseAfterFree, []task{
			func(k *sim.K, w *world) {
				w.x.Write(k, 1)
				k.Release(&w.life)
			},
			func(k *sim.K, w *world) { w.in.Read(k) },
		}, nil},
		{"free of what was never allocated", sim.NotInitialised, []task{func(k *sim.K, _ *world) {
			var l sim.Life
			k.Kfree(&l)
		}}, nil},
	})
}

var opCall = sim.NewOp("%s->readpage()")

// An allocation fails where the strategy says so, and nowhere else.
func TestAllocationsFailOnRequest(t *testing.T) {
	for _, mayFail := range []bool{false, true} {
		failed, worked := 0, 0
		p := program([]task{func(k *sim.K, w *world) {
			var l sim.Life
			switch err := k.Kzalloc(&l, "object", sim.GFPKernel); {
			case err == nil:
				worked++
				k.Kfree(&l)
			case errors.Is(err, sim.ENOMEM):
				failed++
			default:
				t.Error(err)
			}
		}}, nil)
		r, err := explore.Run(context.Background(), p, explore.Options{Setup: func(m *sim.Machine) { m.AllocMayFail = mayFail }})
		if err != nil || r.Verdict() != explore.Clean {
			t.Fatal(r, err)
		}
		want := 0
		if mayFail {
			want = 1
		}
		if failed != want || worked != 1 {
			t.Errorf("may fail: %t; %d failed and %d did not, want %d and 1", mayFail, failed, worked, want)
		}
	}
}

// What uses freed memory breaks the rule in a step of its own, also where it would have to
// wait for a lock there that will never be free: so what came before it is what it
// needs, and its place among the steps of others is known.
func TestUseAfterFreeIsAStep(t *testing.T) {
	m := sim.NewMachine()
	defer m.Close()
	o := m.Record(func(m *sim.Machine) {
		w := newWorld(m.Setup())
		m.Go("holder", func(k *sim.K) { k.MutexLock(&w.inLock); await(k, w) })
		m.Go("owner", func(k *sim.K) { k.Kfree(&w.life) })
		m.Go("late", func(k *sim.K) { w.x.Read(k); k.MutexLock(&w.inLock) })
	}, sim.NewReplay(sim.Schedule{}))
	records := m.Records()
	last := records[len(records)-1]
	for last.Remark != "" {
		records = records[:len(records)-1]
		last = records[len(records)-1]
	}
	if o.Violation == nil || o.Violation.Kind != sim.UseAfterFree || last.Name != "late" || last.Text != "mutex_lock(&in_lock)" {
		t.Errorf("%v in %s: %s", o.Violation, last.Name, last.Text)
	}
}
