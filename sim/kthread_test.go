package sim_test

import (
	"testing"

	"trapline/sim"
)

// serves is the loop of a kernel thread that is written as it should be.
func serves(w *deferredWorld) func(k *sim.K) int {
	return func(k *sim.K) int {
		for {
			k.SetCurrentState(sim.TaskInterruptible)
			if k.KthreadShouldStop(&w.thread) {
				break
			}
			k.Schedule(nil)
		}
		k.SetCurrentState(sim.TaskRunning)
		w.seen[0]++
		return 7
	}
}

// servesLate tests whether it should stop before it has set its state.
func servesLate(w *deferredWorld) func(k *sim.K) int {
	return func(k *sim.K) int {
		for !k.KthreadShouldStop(&w.thread) {
			k.SetCurrentState(sim.TaskInterruptible)
			k.Schedule(nil)
		}
		return 7
	}
}

func stopThread(k *sim.K, w *deferredWorld) { w.seen[1] = k.KthreadStop(&w.thread) }

func TestKthreads(t *testing.T) {
	run := func(f func(w *deferredWorld) func(k *sim.K) int) deferredTask {
		return func(k *sim.K, w *deferredWorld) { k.KthreadRun(&w.thread, "worker", f(w)) }
	}
	create := func(k *sim.K, w *deferredWorld) { k.KthreadCreate(&w.thread, "worker", serves(w)) }
	uses := func(w *deferredWorld) func(k *sim.K) int {
		return func(k *sim.K) int { w.in.Read(k); return 0 }
	}
	waits := func(w *deferredWorld) func(k *sim.K) int {
		return func(k *sim.K) int {
			_ = k.WaitEventInterruptible(&w.queue, func() bool { return w.x.Read(k) != 0 })
			return 0
		}
	}
	tryDeferred(t, []deferredCase{
		{"run and stopped", nil, []string{"0 -4 0", "1 7 0"}, nil, []deferredTask{then(run(serves), stopThread)}},
		{"run by the setup", nil, []string{"0 -4 0", "1 7 0"}, run(serves), []deferredTask{stopThread}},
		{"stopped before it began", nil, []string{"0 -4 0"}, nil, []deferredTask{then(create, stopThread)}},
		{"created and woken", nil, []string{"0 -4 0", "1 7 0"}, nil, []deferredTask{then(create, func(k *sim.K, w *deferredWorld) { k.WakeUpKthread(&w.thread) }, stopThread)}},
		{"never stopped", nil, []string{"0 0 0"}, nil, []deferredTask{run(serves)}},
		{"never begun", nil, []string{"0 0 0"}, nil, []deferredTask{create}},
		{"woken for nothing", nil, []string{"0 -4 0", "1 7 0"}, nil, []deferredTask{then(run(serves), func(k *sim.K, w *deferredWorld) {
			k.WakeUpProcess(w.thread.Task())
		}, stopThread)}},
		{"sets its state too late", []string{"lost-wakeup: INFO: task hung in serves_late"}, nil, nil, []deferredTask{then(run(servesLate), stopThread)}},
		{"uses what is freed", []string{"use-after-free: KASAN: slab-use-after-free Read in test_kthreads"}, nil, nil, []deferredTask{then(run(uses), freeWork)}},
		{"uses what is freed after it has stopped", nil, []string{"0 -4 0", "0 0 0"}, nil, []deferredTask{then(run(uses), stopThread, freeWork)}},
		{"asleep though it has work", []string{"lost-wakeup: INFO: task hung in test_kthreads"}, nil, nil, []deferredTask{then(run(waits), func(k *sim.K, w *deferredWorld) { w.x.Write(k, 1) })}},
		{"asleep without work", nil, []string{"0 0 0"}, nil, []deferredTask{run(waits)}},
		{"stopped with a lock that it needs", []string{"deadlock: INFO: task hung in stop_thread"}, nil, nil, []deferredTask{then(run(func(w *deferredWorld) func(k *sim.K) int {
			return func(k *sim.K) int { workFn(k, w); return 0 }
		}), func(k *sim.K, w *deferredWorld) {
			k.MutexLock(&w.a)
			stopThread(k, w)
			k.MutexUnlock(&w.a)
		})}},
	})
}
