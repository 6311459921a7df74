package explore_test

import (
	"fmt"
	"testing"

	"trapline/sim"
	"trapline/sim/explore"
)

// primitive is a program of one or two primitives and n tasks or operations.
type primitive struct {
	name  string
	n     int
	build func(m *sim.Machine, n int)
}

func (p primitive) program(_ bool, observe func(string)) sim.Program {
	return func(m *sim.Machine) {
		p.build(m, p.n)
		m.After(func(*sim.K) { observe("") })
	}
}

// spawn spawns tasks that all do the same.
func spawn(m *sim.Machine, n int, name string, f func(k *sim.K)) {
	for i := range n {
		m.Go(fmt.Sprint(name, i), f)
	}
}

// readersAndWriter is n tasks that read under a lock, and one that writes twice.
func readersAndWriter(m *sim.Machine, n int, lock, unlock, writeLock, writeUnlock func(k *sim.K)) {
	spawn(m, n, "reader", func(k *sim.K) { lock(k); unlock(k) })
	spawn(m, 2, "writer", func(k *sim.K) { writeLock(k); writeUnlock(k) })
}

var primitives = []primitive{
	{"rw_semaphore", 2, func(m *sim.Machine, n int) {
		var l sim.RWSem
		m.Setup().InitRWSem(&l, "sem")
		readersAndWriter(m, n, func(k *sim.K) { k.DownRead(&l) }, func(k *sim.K) { k.UpRead(&l) },
			func(k *sim.K) { k.DownWrite(&l) }, func(k *sim.K) { k.UpWrite(&l) })
	}},
	{"percpu_rw_semaphore", 2, func(m *sim.Machine, n int) {
		var l sim.PercpuRWSem
		m.Setup().PercpuInitRWSem(&l, "sem")
		readersAndWriter(m, n, func(k *sim.K) { k.PercpuDownRead(&l) }, func(k *sim.K) { k.PercpuUpRead(&l) },
			func(k *sim.K) { k.PercpuDownWrite(&l) }, func(k *sim.K) { k.PercpuUpWrite(&l) })
	}},
	{"rwlock", 2, func(m *sim.Machine, n int) {
		var l sim.RWLock
		m.Setup().RWLockInit(&l, "lock")
		readersAndWriter(m, n, func(k *sim.K) { k.ReadLock(&l) }, func(k *sim.K) { k.ReadUnlock(&l) },
			func(k *sim.K) { k.WriteLock(&l) }, func(k *sim.K) { k.WriteUnlock(&l) })
	}},
	{"mutex_trylock", 3, func(m *sim.Machine, n int) {
		var l sim.Mutex
		m.Setup().MutexInit(&l, "lock")
		spawn(m, n, "t", func(k *sim.K) {
			if k.MutexTrylock(&l) {
				k.MutexUnlock(&l)
			}
			k.MutexLock(&l)
			k.MutexUnlock(&l)
		})
	}},
	{"completion", 3, func(m *sim.Machine, n int) {
		var c sim.Completion
		m.Setup().InitCompletion(&c, "done")
		spawn(m, n, "waiter", func(k *sim.K) { k.WaitForCompletion(&c) })
		m.Go("completer", func(k *sim.K) {
			for range n {
				k.Complete(&c)
			}
		})
	}},
	{"complete_all", 3, func(m *sim.Machine, n int) {
		var c sim.Completion
		m.Setup().InitCompletion(&c, "done")
		spawn(m, n, "waiter", func(k *sim.K) { k.WaitForCompletion(&c) })
		m.Go("completer", func(k *sim.K) { k.CompleteAll(&c) })
	}},
	{"wait_event", 2, func(m *sim.Machine, n int) {
		var q sim.WaitQueue
		var a sim.AtomicOf[int32]
		m.Setup().InitWaitqueueHead(&q, "queue")
		a.Init(m.Setup(), "condition", 0)
		spawn(m, n, "waiter", func(k *sim.K) { k.WaitEvent(&q, func() bool { return a.Read(k) > 0 }) })
		m.Go("waker", func(k *sim.K) {
			a.Inc(k)
			k.WakeUpAll(&q)
		})
	}},
	{"wait_event_exclusive", 2, func(m *sim.Machine, n int) {
		var q sim.WaitQueue
		var a sim.AtomicOf[int32]
		m.Setup().InitWaitqueueHead(&q, "queue")
		a.Init(m.Setup(), "condition", 0)
		spawn(m, n, "waiter", func(k *sim.K) { k.WaitEventExclusive(&q, func() bool { return a.Read(k) > 0 }) })
		m.Go("waker", func(k *sim.K) {
			a.Inc(k)
			for range n {
				k.WakeUp(&q)
			}
		})
	}},
	{"workqueue", 2, func(m *sim.Machine, n int) {
		s := m.Setup()
		works := make([]sim.Work, n)
		var a sim.AtomicOf[int32]
		a.Init(s, "a", 0)
		for i := range works {
			s.InitWork(&works[i], fmt.Sprint("work", i), func(k *sim.K) { a.AddReturn(k, 1) })
		}
		m.Go("queue", func(k *sim.K) {
			for i := range works {
				k.ScheduleWork(&works[i])
			}
		})
		m.Go("cancel", func(k *sim.K) {
			for i := range works {
				k.CancelWorkSync(&works[i])
			}
		})
	}},
	{"timer", 2, func(m *sim.Machine, n int) {
		s := m.Setup()
		var a sim.AtomicOf[int32]
		var timer sim.Timer
		a.Init(s, "a", 0)
		s.TimerSetup(&timer, "timer", func(k *sim.K) { a.AddReturn(k, 1) })
		spawn(m, n, "arm", func(k *sim.K) {
			k.ModTimer(&timer)
			a.Read(k)
		})
		m.Go("delete", func(k *sim.K) { k.TimerDeleteSync(&timer) })
	}},
	{"synchronize_rcu", 2, func(m *sim.Machine, n int) {
		var a sim.AtomicOf[int32]
		a.Init(m.Setup(), "a", 0)
		spawn(m, n, "reader", func(k *sim.K) {
			k.RCUReadLock()
			a.Read(k)
			k.RCUReadUnlock()
		})
		m.Go("updater", func(k *sim.K) {
			a.Set(k, 1)
			k.SynchronizeRCU()
			a.Set(k, 2)
		})
	}},
	{"call_rcu", 2, func(m *sim.Machine, n int) {
		s := m.Setup()
		var a sim.AtomicOf[int32]
		a.Init(s, "a", 0)
		heads := make([]sim.RCUHead, n)
		for i := range heads {
			heads[i].Init(s, fmt.Sprint("head", i))
		}
		m.Go("reader", func(k *sim.K) {
			k.RCUReadLock()
			a.Read(k)
			k.RCUReadUnlock()
		})
		m.Go("updater", func(k *sim.K) {
			for i := range heads {
				k.CallRCU(&heads[i], func(k *sim.K) { a.AddReturn(k, 1) })
			}
			k.RCUBarrier()
		})
	}},
	{"interrupt", 2, func(m *sim.Machine, n int) {
		s := m.Setup()
		var a sim.AtomicOf[int32]
		var l sim.SpinLock
		a.Init(s, "a", 0)
		s.SpinLockInit(&l, "lock")
		for i := range n {
			m.GoOn(i, fmt.Sprint("t", i), func(k *sim.K) {
				flags := k.SpinLockIRQSave(&l)
				a.AddReturn(k, 1)
				k.SpinUnlockIRQRestore(&l, flags)
			})
		}
		m.GoOn(n, "raise", func(k *sim.K) {
			k.InterruptOn(0, "irq", func(k *sim.K) {
				k.SpinLock(&l)
				a.Read(k)
				k.SpinUnlock(&l)
			})
		})
	}},
}

// The exhaustive search visits each trace of every primitive in one execution, and
// begins none in vain. The number of traces is that of a search without reduction.
func TestPrimitivesBlockNothing(t *testing.T) {
	for _, p := range primitives {
		t.Run(p.name, func(t *testing.T) {
			want, ok := all(p, true, 400_000)
			if !ok || len(want.titles) > 0 {
				t.Fatalf("too many executions, or rules broken: %v", want)
			}
			r := run(t, p, true, explore.Options{SelfCheck: true})
			if r.Blocked > 0 || r.Executions != len(want.traces) || r.Verdict() != explore.Clean {
				t.Errorf("%s, and there are %d traces", r.Coverage(), len(want.traces))
			}
			p.n++
			if r := run(t, p, true, explore.Options{Executions: 30_000}); r.Blocked > 0 || len(r.Findings) > 0 {
				t.Errorf("with %d: %s", p.n, r.Coverage())
			}
		})
	}
}
