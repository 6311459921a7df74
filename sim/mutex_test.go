package sim_test

import (
	"fmt"
	"testing"

	"trapline/sim"
)

func total(w *world) string { return fmt.Sprint(w.data.Peek()) }

// addUnder adds one to plain data under the mutex a.
func addUnder(k *sim.K, w *world) {
	k.MutexLock(&w.a)
	w.data.Set(k, w.data.Get(k)+1)
	k.MutexUnlock(&w.a)
}

func TestMutexLosesNoUpdate(t *testing.T) {
	wantEnds(t, total, []string{"3"}, addUnder, addUnder, addUnder)
}

func TestMutexIsTakenByWhoeverComesFirst(t *testing.T) {
	in := func(me int) task {
		return func(k *sim.K, w *world) {
			k.MutexLock(&w.a)
			w.data.Set(k, w.data.Get(k)*10+me)
			k.MutexUnlock(&w.a)
		}
	}
	wantEnds(t, total, []string{"123", "132", "213", "231", "312", "321"}, in(1), in(2), in(3))
}

func TestMutexTrylockFailsOnlyWhileTaken(t *testing.T) {
	attempt := func(me int) task {
		return func(k *sim.K, w *world) {
			if k.MutexTrylock(&w.a) {
				w.seen[me] = 1
				k.MutexUnlock(&w.a)
			}
		}
	}
	wantEnds(t, seen(2), []string{"0 1", "1 0", "1 1"}, attempt(0), attempt(1))
}

func TestMutexRules(t *testing.T) {
	try(t, []planted{
		{"lock twice", sim.Recursive, []task{func(k *sim.K, w *world) {
			k.MutexLock(&w.a)
			k.MutexLock(&w.a)
		}}, nil},
		{"lock again after unlock", sim.Kind{}, []task{func(k *sim.K, w *world) {
			for range 2 {
				k.MutexLock(&w.a)
				k.MutexUnlock(&w.a)
			}
		}}, nil},
		{"lock two of one class", sim.Recursive, []task{func(k *sim.K, w *world) {
			var one, two sim.Mutex
			k.MutexInit(&one, "i_mutex")
			k.MutexInit(&two, "i_mutex")
			k.MutexLock(&one)
			k.MutexLock(&two)
		}}, nil},
		{"try a mutex that the task has", sim.Kind{}, []task{func(k *sim.K, w *world) {
			k.MutexLock(&w.a)
			if k.MutexTrylock(&w.a) {
				panic("it was free")
			}
			k.MutexUnlock(&w.a)
		}}, nil},
		{"unlock by a stranger", sim.BadUnlock, []task{
			func(k *sim.K, w *world) { k.MutexLock(&w.a); k.Complete(&w.done); w.x.Read(k); k.MutexUnlock(&w.a) },
			func(k *sim.K, w *world) { k.WaitForCompletion(&w.done); k.MutexUnlock(&w.a) },
		}, nil},
		{"unlock of a free mutex", sim.BadUnlock, []task{func(k *sim.K, w *world) { k.MutexUnlock(&w.a) }}, nil},
		{"hand-over through a completion", sim.Kind{}, []task{
			func(k *sim.K, w *world) { k.MutexLock(&w.a); k.MutexUnlock(&w.a); k.Complete(&w.done) },
			func(k *sim.K, w *world) { k.WaitForCompletion(&w.done); k.MutexLock(&w.a); k.MutexUnlock(&w.a) },
		}, nil},
		{"held at exit", sim.HeldAtExit, []task{func(k *sim.K, w *world) { k.MutexLock(&w.a) }}, nil},
		{"not initialised", sim.NotInitialised, []task{func(k *sim.K, _ *world) {
			var l sim.Mutex
			k.MutexLock(&l)
		}}, nil},
		{"unlock, not initialised", sim.NotInitialised, []task{func(k *sim.K, _ *world) {
			var l sim.Mutex
			k.MutexUnlock(&l)
		}}, nil},
		{"asserted and not held", sim.NotHeld, []task{func(k *sim.K, w *world) { w.x.Read(k); k.AssertHeld(&w.a) }}, nil},
		{"asserted and held by another", sim.NotHeld, []task{
			func(k *sim.K, w *world) { k.MutexLock(&w.a); w.x.Read(k); k.MutexUnlock(&w.a) },
			func(k *sim.K, w *world) { w.x.Read(k); k.AssertHeld(&w.a) },
		}, nil},
		{"asserted and held", sim.Kind{}, []task{func(k *sim.K, w *world) {
			k.MutexLock(&w.a)
			k.AssertHeld(&w.a)
			k.MutexUnlock(&w.a)
		}}, nil},
	})
}

func TestMutexIsLocked(t *testing.T) {
	wantEnds(t, seen(1), []string{"0", "1"}, addUnder, func(k *sim.K, w *world) { w.seen[0] = b2i(k.MutexIsLocked(&w.a)) })
}
