package sim_test

import (
	"testing"

	"trapline/sim"
)

// publish sets the condition and then wakes whoever waits for it.
func publish(k *sim.K, w *world) {
	w.x.Write(k, 1)
	k.WakeUp(&w.queue)
}

func TestWaitQueueRules(t *testing.T) {
	isSet := func(k *sim.K, w *world) func() bool { return func() bool { return w.x.Read(k) != 0 } }
	wait := func(k *sim.K, w *world) { k.WaitEvent(&w.queue, isSet(k, w)) }
	try(t, []planted{
		{"wait_event", sim.Kind{}, []task{publish, wait}, nil},
		{"two waiters", sim.Kind{}, []task{wait, publish, wait}, nil},
		{"the condition tested before prepare_to_wait", sim.Deadlock, []task{publish, func(k *sim.K, w *world) {
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
		{"woken before the condition is set", sim.Deadlock, []task{wait, func(k *sim.K, w *world) {
			k.WakeUp(&w.queue)
			w.x.Write(k, 1)
		}}, nil},
		{"nobody wakes", sim.Deadlock, []task{wait, func(k *sim.K, w *world) { w.x.Write(k, 1) }}, nil},
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
