package sim_test

import (
	"testing"

	"trapline/sim"
)

// bareSleep is the protocol of a bare sleep: the task makes itself known, and
// another sets the condition and wakes it.
func bareSleep(sleep func(k *sim.K, w *world)) (waiter, waker task) {
	var who *sim.K
	return func(k *sim.K, w *world) {
			who = k
			w.y.Write(k, 1)
			sleep(k, w)
		}, func(k *sim.K, w *world) {
			w.x.Write(k, 1)
			if w.y.Read(k) != 0 {
				k.WakeUpProcess(who)
			}
		}
}

func waitBare(k *sim.K, w *world) {
	k.SetCurrentState(sim.TaskUninterruptible)
	if w.x.Read(k) == 0 {
		k.Schedule(nil)
	}
	k.SetCurrentState(sim.TaskRunning)
}

func waitTooLate(k *sim.K, w *world) {
	if w.x.Read(k) == 0 {
		k.SetCurrentState(sim.TaskUninterruptible)
		k.Schedule(nil)
	}
}

func TestBareSleep(t *testing.T) {
	right, wakeRight := bareSleep(waitBare)
	late, wakeLate := bareSleep(waitTooLate)
	none, _ := bareSleep(waitBare)
	timed, wakeTimed := bareSleep(func(k *sim.K, w *world) {
		k.SetCurrentState(sim.TaskInterruptible)
		if w.x.Read(k) == 0 {
			k.ScheduleTimeout(nil)
		}
	})
	running, _ := bareSleep(func(k *sim.K, _ *world) { k.Schedule(nil) })
	try(t, []planted{
		{"the state set before the test", sim.Kind{}, []task{right, wakeRight}, nil},
		{"the state set after the test", sim.LostWakeup, []task{late, wakeLate}, nil},
		{"nobody wakes", sim.Deadlock, []task{none}, nil},
		{"with a timeout", sim.Kind{}, []task{timed, wakeTimed}, nil},
		{"a running task does not sleep", sim.Kind{}, []task{running}, nil},
		{"under a spinlock", sim.Atomic, []task{func(k *sim.K, w *world) { k.SpinLock(&w.spin); k.Schedule(nil) }}, nil},
	})
}

func TestScheduleTimeout(t *testing.T) {
	var who *sim.K
	wantEnds(t, seen(2), []string{"1 1", "2 2"}, func(k *sim.K, w *world) {
		who = k
		k.SetCurrentState(sim.TaskInterruptible)
		w.y.Write(k, 1)
		w.seen[0] = 1
		if k.ScheduleTimeout(nil) {
			w.seen[0] = 2
		}
	}, func(k *sim.K, w *world) {
		w.seen[1] = 1
		if w.y.Read(k) == 1 && k.WakeUpProcess(who) {
			w.seen[1] = 2
		}
	})
}

// A signal wakes an interruptible sleep only. The sleeper is known to the sender
// by a completion.
func TestSignals(t *testing.T) {
	tasks := func(state sim.TaskState) []task {
		var who *sim.K
		return []task{func(k *sim.K, w *world) {
			who = k
			complete(k, w)
			k.SetCurrentState(state)
			if !k.SignalPending() {
				k.Schedule(nil)
			}
		}, func(k *sim.K, w *world) {
			await(k, w)
			k.SendSignal(who)
		}}
	}
	try(t, []planted{
		{"interruptible", sim.Kind{}, tasks(sim.TaskInterruptible), nil},
		{"uninterruptible", sim.Deadlock, tasks(sim.TaskUninterruptible), nil},
	})
}
