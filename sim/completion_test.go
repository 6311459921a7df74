package sim_test

import (
	"testing"

	"trapline/sim"
)

func complete(k *sim.K, w *world) { k.Complete(&w.done) }

func await(k *sim.K, w *world) { k.WaitForCompletion(&w.done) }

func TestCompletionRules(t *testing.T) {
	twice := func(k *sim.K, w *world) { complete(k, w); complete(k, w) }
	all := func(k *sim.K, w *world) { k.CompleteAll(&w.done) }
	try(t, []planted{
		{"one event for one waiter", sim.Kind{}, []task{complete, await}, nil},
		{"one event for two waiters", sim.Deadlock, []task{complete, await, await}, nil},
		{"two events for two waiters", sim.Kind{}, []task{twice, await, await}, nil},
		{"an event that is not waited for", sim.Kind{}, []task{twice, await}, nil},
		{"all let through", sim.Kind{}, []task{all, await, await}, nil},
		{"all let through for good", sim.Kind{}, []task{all, func(k *sim.K, w *world) { await(k, w); await(k, w) }}, nil},
		{"all let through, and one more", sim.Kind{}, []task{all, complete, await, await}, nil},
		{"nobody completes", sim.Deadlock, []task{await}, nil},
		{"wait under a spinlock", sim.Atomic, []task{complete, func(k *sim.K, w *world) {
			k.SpinLock(&w.spin)
			await(k, w)
		}}, nil},
		{"complete under a spinlock", sim.Kind{}, []task{await, func(k *sim.K, w *world) {
			k.SpinLock(&w.spin)
			complete(k, w)
			k.SpinUnlock(&w.spin)
		}}, nil},
		{"wait for one that was not initialised", sim.NotInitialised, []task{func(k *sim.K, _ *world) {
			var c sim.Completion
			k.WaitForCompletion(&c)
		}}, nil},
		{"wait with a mutex that the completer needs", sim.Deadlock, []task{
			func(k *sim.K, w *world) { k.MutexLock(&w.a); await(k, w); k.MutexUnlock(&w.a) },
			func(k *sim.K, w *world) { k.MutexLock(&w.a); k.MutexUnlock(&w.a); complete(k, w) },
		}, nil},
		{"wait with a mutex that the completer has left", sim.Kind{}, []task{
			func(k *sim.K, w *world) { k.MutexLock(&w.a); await(k, w); k.MutexUnlock(&w.a) },
			complete,
		}, nil},
	})
}

// What is written before complete() is seen after wait_for_completion().
func TestCompletionPassesAMessage(t *testing.T) {
	wantEnds(t, seen(1), []string{"7"},
		func(k *sim.K, w *world) { w.data.Set(k, 7); complete(k, w) },
		func(k *sim.K, w *world) { await(k, w); w.seen[0] = w.data.Get(k) })
}

func TestCompletionTimeout(t *testing.T) {
	wait := func(i int) task {
		return func(k *sim.K, w *world) {
			if k.WaitForCompletionTimeout(&w.done) {
				w.seen[i] = 1
			}
		}
	}
	wantEnds(t, seen(1), []string{"0"}, wait(0))
	wantEnds(t, seen(1), []string{"0", "1"}, wait(0), complete)
	wantEnds(t, seen(2), []string{"0 0", "0 1", "1 0"}, wait(0), wait(1), complete)
	wantEnds(t, seen(2), []string{"0 0", "0 1", "1 0", "1 1"}, wait(0), wait(1), func(k *sim.K, w *world) { k.CompleteAll(&w.done) })
	// An event is not lost on a waiter whose time was up.
	wantEnds(t, seen(1), []string{"0", "1"}, wait(0), await, complete, complete)
}

func TestCompletionIsAsked(t *testing.T) {
	wantEnds(t, seen(3), []string{"0 0 0", "0 1 0", "1 1 0"},
		func(k *sim.K, w *world) {
			note := func(i int, b bool) {
				if b {
					w.seen[i] = 1
				}
			}
			note(0, k.CompletionDone(&w.done))
			note(1, k.TryWaitForCompletion(&w.done))
			if w.seen[1] == 1 {
				note(2, k.TryWaitForCompletion(&w.done))
			}
		}, complete)
}

// Who reinitialises a completion after the event has been asked for may forget it.
func TestReinitCompletion(t *testing.T) {
	try(t, []planted{
		{"before the event is asked for", sim.Kind{}, []task{func(k *sim.K, w *world) {
			k.ReinitCompletion(&w.done)
			w.x.Write(k, 1)
			k.WakeUp(&w.queue)
			await(k, w)
		}, func(k *sim.K, w *world) {
			k.WaitEvent(&w.queue, func() bool { return w.x.Read(k) != 0 })
			complete(k, w)
		}}, nil},
		{"after the event", sim.Deadlock, []task{func(k *sim.K, w *world) {
			k.ReinitCompletion(&w.done)
			await(k, w)
		}, complete}, nil},
	})
}
