package sim_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"trapline/sim"
	"trapline/sim/explore"
	"trapline/sim/memory"
)

// publish sets the condition and then wakes whoever waits for it.
func publish(k *sim.K, w *world) {
	w.x.Write(k, 1)
	k.WakeUp(&w.queue)
}

// exclusive waits as one of several of which a wake-up is to reach only one.
func exclusive(k *sim.K, w *world) {
	k.WaitEventExclusive(&w.queue, func() bool { return w.x.Read(k) != 0 })
}

func passOn(k *sim.K, w *world) {
	exclusive(k, w)
	k.WakeUp(&w.queue)
}

func TestWaitQueueRules(t *testing.T) {
	isSet := func(k *sim.K, w *world) func() bool { return func() bool { return w.x.Read(k) != 0 } }
	wait := func(k *sim.K, w *world) { k.WaitEvent(&w.queue, isSet(k, w)) }
	try(t, []planted{
		{"wait_event", sim.Kind{}, []task{publish, wait}, nil},
		{"two waiters", sim.Kind{}, []task{wait, publish, wait}, nil},
		{"the condition tested before prepare_to_wait", sim.LostWakeup, []task{publish, func(k *sim.K, w *world) {
			if w.x.Read(k) == 0 {
				k.PrepareToWait(&w.queue)
				k.Schedule(&w.queue)
				k.FinishWait(&w.queue)
			}
		}}, nil},
		{"the condition tested after prepare_to_wait", sim.Kind{}, []task{publish, func(k *sim.K, w *world) {
			k.PrepareToWait(&w.queue)
			if w.x.Read(k) == 0 {
				k.Schedule(&w.queue)
			}
			k.FinishWait(&w.queue)
		}}, nil},
		{"woken before the condition is set", sim.LostWakeup, []task{wait, func(k *sim.K, w *world) {
			k.WakeUp(&w.queue)
			w.x.Write(k, 1)
		}}, nil},
		{"nobody wakes", sim.LostWakeup, []task{wait, func(k *sim.K, w *world) { w.x.Write(k, 1) }}, nil},
		{"the condition never comes", sim.Deadlock, []task{wait, func(k *sim.K, w *world) { k.WakeUp(&w.queue) }}, nil},
		{"two exclusive waiters and one wake-up", sim.LostWakeup, []task{publish, exclusive, exclusive}, nil},
		{"two exclusive waiters and two wake-ups", sim.Kind{}, []task{func(k *sim.K, w *world) {
			w.x.Write(k, 1)
			k.WakeUp(&w.queue)
			k.WakeUp(&w.queue)
		}, exclusive, exclusive}, nil},
		{"two exclusive waiters and wake_up_all", sim.Kind{}, []task{func(k *sim.K, w *world) {
			w.x.Write(k, 1)
			k.WakeUpAll(&w.queue)
		}, exclusive, exclusive}, nil},
		{"two exclusive waiters and wake_up_nr of two", sim.Kind{}, []task{func(k *sim.K, w *world) {
			w.x.Write(k, 1)
			k.WakeUpNr(&w.queue, 2)
		}, exclusive, exclusive}, nil},
		{"two exclusive waiters and wake_up_nr of 0, which is all", sim.Kind{}, []task{func(k *sim.K, w *world) {
			w.x.Write(k, 1)
			k.WakeUpNr(&w.queue, 0)
		}, exclusive, exclusive}, nil},
		{"two exclusive waiters that pass it on", sim.Kind{}, []task{publish, passOn, passOn}, nil},
		{"one exclusive waiter and one that is not", sim.Kind{}, []task{publish, exclusive, wait}, nil},
		{"woken without need", sim.Kind{}, []task{wait, func(k *sim.K, w *world) {
			k.WakeUp(&w.queue)
			publish(k, w)
		}}, nil},
		{"wait under a spinlock", sim.Atomic, []task{publish, func(k *sim.K, w *world) {
			k.SpinLock(&w.spin)
			k.PrepareToWait(&w.queue)
			k.Schedule(&w.queue)
		}}, nil},
		{"wake under a spinlock", sim.Kind{}, []task{wait, func(k *sim.K, w *world) {
			k.SpinLock(&w.spin)
			publish(k, w)
			k.SpinUnlock(&w.spin)
		}}, nil},
		{"wake an interrupt's waiter", sim.Kind{}, []task{wait, func(k *sim.K, w *world) {
			w.y.Read(k)
			k.Interrupt("irq", func(k *sim.K) { publish(k, w) })
		}}, nil},
		{"not initialised", sim.NotInitialised, []task{func(k *sim.K, _ *world) {
			var q sim.WaitQueue
			k.WakeUp(&q)
		}}, nil},
	})
}

// What is written before wake_up() is seen by the task that it wakes, even if
// the condition itself was not read again.
func TestWakeUpPassesAMessage(t *testing.T) {
	wantEnds(t, seen(1), []string{"7"},
		func(k *sim.K, w *world) { w.data.Set(k, 7); publish(k, w) },
		func(k *sim.K, w *world) {
			k.WaitEvent(&w.queue, func() bool { return w.x.Read(k) != 0 })
			w.seen[0] = w.data.Get(k)
		})
}

// A wait with a timeout ends either way, and only by the timeout if nobody wakes.
func TestWaitEventTimeout(t *testing.T) {
	wait := func(k *sim.K, w *world) {
		if k.WaitEventTimeout(&w.queue, func() bool { return w.x.Read(k) != 0 }) {
			w.seen[0] = 1
		}
	}
	wantEnds(t, seen(1), []string{"0", "1"}, wait, publish)
	wantEnds(t, seen(1), []string{"0"}, wait)
	wantEnds(t, seen(1), []string{"0"}, wait, func(k *sim.K, w *world) { k.WakeUp(&w.queue) })
	wantEnds(t, seen(1), []string{"0", "1"}, wait, func(k *sim.K, w *world) { w.x.Write(k, 1) })
}

// A machine left alone lets no timeout come while anybody can wake.
func TestTimeoutIsNotTheOrdinaryCourse(t *testing.T) {
	var inTime bool
	undisturbed(t, program([]task{func(k *sim.K, w *world) {
		inTime = k.WaitEventTimeout(&w.queue, func() bool { return w.x.Read(k) != 0 })
	}, publish}, nil))
	if !inTime {
		t.Error("the timeout came first")
	}
}

// A signal ends an interruptible wait, and the condition comes before it.
func TestWaitEventInterruptible(t *testing.T) {
	var waiter *sim.K
	wait := func(k *sim.K, w *world) {
		waiter = k
		w.y.Write(k, 1)
		w.seen[0] = 1
		if err := k.WaitEventInterruptible(&w.queue, func() bool { return w.x.Read(k) != 0 }); errors.Is(err, sim.ERESTARTSYS) {
			w.seen[0] = 2
		}
	}
	signal := func(k *sim.K, w *world) {
		if w.y.Read(k) == 1 {
			k.SendSignal(waiter)
		}
	}
	wantEnds(t, seen(1), []string{"1", "2"}, wait, signal, publish)
	wantEnds(t, seen(1), []string{"1"}, wait, publish)
}

// Who has been woken has left the queue, and may find it freed. Who only sees that the
// condition is true has not.
func TestFinishWaitOnAFreedQueue(t *testing.T) {
	for _, wakes := range []bool{true, false} {
		r := search(t, func(m *sim.Machine) {
			var life sim.Life
			var q sim.WaitQueue
			var prepared sim.Completion
			var done sim.AtomicOf[int32]
			s := m.Setup()
			s.Born(&life, "request")
			s.InitWaitqueueHead(&q, "queue")
			q.In(&life)
			s.InitCompletion(&prepared, "prepared")
			done.Init(s, "done", 0)
			m.Go("waiter", func(k *sim.K) {
				k.PrepareToWait(&q)
				k.Complete(&prepared)
				if done.Read(k) == 0 {
					k.Schedule(nil)
				}
				k.FinishWait(&q)
			})
			m.Go("waker", func(k *sim.K) {
				k.WaitForCompletion(&prepared)
				done.Set(k, 1)
				if wakes {
					k.WakeUp(&q)
				}
				k.Kfree(&life)
			})
		})
		freed := slices.ContainsFunc(r.Findings, func(f *explore.Finding) bool { return f.Violation.Kind == sim.UseAfterFree })
		if freed == wakes || wakes && len(r.Findings) > 0 {
			t.Errorf("wakes: %t, verdict: %s, use after free: %t", wakes, r.Verdict(), freed)
		}
	}
}

// A wait_event() that finds its condition true at once is no barrier.
func TestWaitEventIsNoBarrier(t *testing.T) {
	for _, test := range []struct {
		name string
		read func(w *world, k *sim.K) int
		want int // findings
	}{
		{"relaxed", func(w *world, k *sim.K) int { return w.x.Read(k) }, 1},
		{"acquire", func(w *world, k *sim.K) int { return w.x.LoadAcquire(k) }, 0},
	} {
		r, err := explore.Run(context.Background(), program([]task{
			func(k *sim.K, w *world) {
				w.y.Write(k, 1)
				w.x.StoreRelease(k, 1)
				k.WakeUp(&w.queue)
			},
			func(k *sim.K, w *world) {
				k.WaitEvent(&w.queue, func() bool { return test.read(w, k) != 0 })
				k.BugOn(w.y.Read(k) != 1, "not seen")
			},
		}, nil), explore.Options{Memory: memory.LKMM})
		if err != nil || len(r.Findings) != test.want {
			t.Errorf("%s: %v, %v, want %d findings", test.name, r.Findings, err, test.want)
		}
	}
}
