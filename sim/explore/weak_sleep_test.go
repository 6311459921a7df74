package explore_test

import (
	"context"
	"testing"

	"trapline/sim"
	"trapline/sim/explore"
)

// TestPrimitivesOrderPlainData has every primitive that one task can wait for another
// with hand over plain data: there is no data race under any model.
func TestPrimitivesOrderPlainData(t *testing.T) {
	type shared struct {
		data  sim.Cell[int]
		done  sim.Completion
		queue sim.WaitQueue
		flag  sim.Word[bool]
		got   sim.AtomicInt
	}
	for _, test := range []struct {
		name       string
		give, take func(k *sim.K, s *shared)
	}{
		{"completion", func(k *sim.K, s *shared) { k.Complete(&s.done) }, func(k *sim.K, s *shared) { k.WaitForCompletion(&s.done) }},
		{"wait queue",
			func(k *sim.K, s *shared) {
				s.flag.StoreRelease(k, true)
				k.WakeUp(&s.queue)
			},
			func(k *sim.K, s *shared) {
				k.WaitEvent(&s.queue, func() bool { return s.flag.LoadAcquire(k) })
			}},
		{"sleeping by hand",
			func(k *sim.K, s *shared) {
				s.flag.Write(k, true)
				k.WakeUp(&s.queue)
			},
			func(k *sim.K, s *shared) {
				for {
					k.PrepareToWait(&s.queue)
					if s.flag.Read(k) {
						break
					}
					k.Schedule(&s.queue)
				}
				k.FinishWait(&s.queue)
				k.SmpRmb()
			}},
		{"reference count",
			func(k *sim.K, s *shared) { s.got.DecReturnRelease(k) },
			func(k *sim.K, s *shared) {
				for s.got.ReadAcquire(k) != 0 {
				}
			}},
	} {
		program := func(m *sim.Machine) {
			s, k := &shared{}, m.Setup()
			s.data.Init(k, "data")
			k.InitCompletion(&s.done, "done")
			k.InitWaitqueueHead(&s.queue, "queue")
			s.flag.Init(k, "flag", false)
			s.got.Init(k, "got", 1)
			m.Go("giver", func(k *sim.K) {
				s.data.Set(k, 1)
				k.SmpWmb()
				test.give(k, s)
			})
			m.Go("taker", func(k *sim.K) {
				test.take(k, s)
				k.BugOn(s.data.Get(k) != 1, "not handed over")
			})
		}
		for _, model := range everyModel {
			r, err := explore.Run(context.Background(), program, explore.Options{Memory: model})
			if err != nil || !r.Complete || len(r.Findings) > 0 {
				t.Errorf("%s under %v: %q, %s, %v", test.name, model, titles(r), r.Coverage(), err)
			}
		}
	}
}

// TestLocksKeepTogether has two words and a plain cell under each lock: nobody sees
// them apart, whatever the model, and without the lock somebody does.
func TestLocksKeepTogether(t *testing.T) {
	type shared struct {
		a, b sim.Word[int]
		c    sim.Cell[int]
		spin sim.SpinLock
		m    sim.Mutex
		sem  sim.RWSem
		rw   sim.RWLock
	}
	for _, test := range []struct {
		name                 string
		lock, unlock         func(k *sim.K, s *shared)
		readLock, readUnlock func(k *sim.K, s *shared)
		broken               bool
	}{
		{"spinlock", func(k *sim.K, s *shared) { k.SpinLock(&s.spin) }, func(k *sim.K, s *shared) { k.SpinUnlock(&s.spin) },
			func(k *sim.K, s *shared) { k.SpinLock(&s.spin) }, func(k *sim.K, s *shared) { k.SpinUnlock(&s.spin) }, false},
		{"mutex", func(k *sim.K, s *shared) { k.MutexLock(&s.m) }, func(k *sim.K, s *shared) { k.MutexUnlock(&s.m) },
			func(k *sim.K, s *shared) { k.MutexLock(&s.m) }, func(k *sim.K, s *shared) { k.MutexUnlock(&s.m) }, false},
		{"rwsem", func(k *sim.K, s *shared) { k.DownWrite(&s.sem) }, func(k *sim.K, s *shared) { k.UpWrite(&s.sem) },
			func(k *sim.K, s *shared) { k.DownRead(&s.sem) }, func(k *sim.K, s *shared) { k.UpRead(&s.sem) }, false},
		{"rwlock", func(k *sim.K, s *shared) { k.WriteLock(&s.rw) }, func(k *sim.K, s *shared) { k.WriteUnlock(&s.rw) },
			func(k *sim.K, s *shared) { k.ReadLock(&s.rw) }, func(k *sim.K, s *shared) { k.ReadUnlock(&s.rw) }, false},
		{"none", func(*sim.K, *shared) {}, func(*sim.K, *shared) {}, func(*sim.K, *shared) {}, func(*sim.K, *shared) {}, true},
	} {
		program := func(m *sim.Machine) {
			s, k := &shared{}, m.Setup()
			s.a.Init(k, "a", 0)
			s.b.Init(k, "b", 0)
			s.c.Init(k, "c")
			k.SpinLockInit(&s.spin, "spin")
			k.MutexInit(&s.m, "m")
			k.InitRWSem(&s.sem, "sem")
			k.RWLockInit(&s.rw, "rw")
			m.Go("writer", func(k *sim.K) {
				test.lock(k, s)
				s.a.Write(k, 1)
				s.c.Set(k, 1)
				s.b.Write(k, 1)
				test.unlock(k, s)
			})
			m.Go("reader", func(k *sim.K) {
				test.readLock(k, s)
				b, a := s.b.Read(k), s.a.Read(k)
				k.BugOn(a != b || s.c.Get(k) != a, "seen apart")
				test.readUnlock(k, s)
			})
		}
		for _, model := range everyModel {
			r, err := explore.Run(context.Background(), program, explore.Options{Memory: model})
			if err != nil || !r.Complete || len(r.Findings) > 0 != test.broken {
				t.Errorf("%s under %v: %q, %s, %v", test.name, model, titles(r), r.Coverage(), err)
			}
		}
	}
}
