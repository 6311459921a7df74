package sim_test

import (
	"slices"
	"testing"

	"trapline/sim"
)

// rcuEnds is the set of what show says of the end states of a legal program.
func rcuEnds(t *testing.T, show func(w *rcuWorld) string, want []string, tasks ...func(k *sim.K, w *rcuWorld)) {
	t.Helper()
	var got []string
	r := search(t, on(sim.ConsolidatedRCU, func(w *rcuWorld) { got = append(got, show(w)) }, tasks...))
	for _, f := range r.Findings {
		t.Errorf("%s, schedule %s, %v", f.Violation, f.Schedule, f.Violation.Waits)
	}
	slices.Sort(got)
	if got = slices.Compact(got); !slices.Equal(got, want) {
		t.Errorf("the end states are %q, want %q", got, want)
	}
}

// log appends a digit to what a task has noted.
func log(w *rcuWorld, i, digit int) { w.seen[i] = w.seen[i]*10 + digit }

func TestRCUCallbacksComeInOrder(t *testing.T) {
	show := func(w *rcuWorld) string { return seen(1)(&w.world) }
	note := func(w *rcuWorld, digit int) func(k *sim.K) {
		return func(k *sim.K) {
			w.x.Xchg(k, digit)
			log(w, 0, digit)
		}
	}
	t.Run("of one task", func(t *testing.T) {
		rcuEnds(t, show, []string{"12"}, func(k *sim.K, w *rcuWorld) {
			k.CallRCU(&w.head, note(w, 1))
			k.CallRCU(&w.next, note(w, 2))
		})
	})
	t.Run("of two tasks", func(t *testing.T) {
		rcuEnds(t, show, []string{"12", "21"},
			func(k *sim.K, w *rcuWorld) { k.CallRCU(&w.head, note(w, 1)) },
			func(k *sim.K, w *rcuWorld) { k.CallRCU(&w.next, note(w, 2)) })
	})
	t.Run("of a callback", func(t *testing.T) {
		rcuEnds(t, show, []string{"123", "132"}, func(k *sim.K, w *rcuWorld) {
			third := new(sim.RCUHead)
			third.Init(k, "third")
			k.CallRCU(&w.head, func(k *sim.K) {
				note(w, 1)(k)
				k.CallRCU(third, note(w, 3))
			})
			w.seen[1]++
			k.CallRCU(&w.next, note(w, 2))
			k.RCUBarrier()
		}, func(*sim.K, *rcuWorld) {})
	})
}

// A callback runs some time after the call, but the call does not wait for it, nor
// the task for its end.
func TestRCUCallbackIsDeferred(t *testing.T) {
	rcuEnds(t, func(w *rcuWorld) string { return seen(2)(&w.world) }, []string{"0 1", "1 1"}, func(k *sim.K, w *rcuWorld) {
		k.CallRCU(&w.head, func(k *sim.K) {
			if k.Context() != sim.SoftIRQ {
				panic("the callbacks of RCU run in a softirq")
			}
			w.x.Write(k, 1)
			w.seen[1] = 1
		})
		w.seen[0] = w.x.Read(k)
	})
}

// A barrier waits for callbacks that were queued before, by whomever, and for no
// readers.
func TestRCUBarrierWaitsForCallbacksOnly(t *testing.T) {
	show := func(w *rcuWorld) string { return seen(2)(&w.world) }
	queue := func(k *sim.K, w *rcuWorld) {
		k.CallRCU(&w.head, func(k *sim.K) { w.x.Write(k, 2) })
		w.x.Cmpxchg(k, 0, 1)
	}
	barrier := func(k *sim.K, w *rcuWorld) {
		w.seen[0] = w.x.Read(k)
		k.RCUBarrier()
		w.seen[1] = w.x.Read(k)
	}
	t.Run("callbacks", func(t *testing.T) {
		rcuEnds(t, show, []string{"0 0", "0 1", "0 2", "1 2", "2 2"}, queue, barrier)
	})
	t.Run("readers", func(t *testing.T) {
		rcuEnds(t, show, []string{"0 0", "0 1", "0 2", "1 1", "1 2", "2 2"}, func(k *sim.K, w *rcuWorld) {
			k.RCUReadLock()
			w.x.Write(k, 1)
			w.x.Write(k, 2)
			k.RCUReadUnlock()
		}, barrier)
	})
}

// A grace period of a callback begins after the call, not with it: a reader that
// came in between may be waited for, so that one who waits for the callback hangs.
func TestRCUGracePeriodMayBeginLate(t *testing.T) {
	r := search(t, on(sim.ConsolidatedRCU, nil, func(k *sim.K, w *rcuWorld) {
		k.CallSRCU(&w.srcu, &w.head, func(k *sim.K) { k.Complete(&w.done) })
		idx := k.SRCUReadLock(&w.srcu)
		k.WaitForCompletion(&w.done)
		k.SRCUReadUnlock(&w.srcu, idx)
	}))
	if len(r.Findings) != 1 || r.Findings[0].Violation.Kind != sim.Deadlock || r.Executions < 2 {
		t.Errorf("%s: %v", r.Coverage(), r.Findings)
	}
}

// A reader in one context whose end comes in another is waited for as well.
func TestSRCUReaderThatMoves(t *testing.T) {
	rcuEnds(t, func(w *rcuWorld) string { return seen(2)(&w.world) }, []string{"0 0", "0 1", "0 2", "1 2", "2 2"},
		func(k *sim.K, w *rcuWorld) {
			idx := k.SRCUDownRead(&w.srcu)
			w.x.Write(k, 1)
			k.Interrupt("irq", func(k *sim.K) {
				w.x.Write(k, 2)
				k.SRCUUpRead(&w.srcu, idx)
			})
		},
		func(k *sim.K, w *rcuWorld) {
			w.seen[0] = w.x.Read(k)
			k.SynchronizeSRCU(&w.srcu)
			w.seen[1] = w.x.Read(k)
		})
}
