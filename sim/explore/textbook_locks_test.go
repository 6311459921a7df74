package explore_test

import (
	"trapline/sim"
)

// philosophers have a fork between each two of them. They take the left one first, or
// the one of the lower number.
func philosophers(n int, ordered bool) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		fork := mutexes(m, n)
		tasks(m, n, func(i int, k *sim.K) {
			a, b := i, (i+1)%n
			if ordered {
				a, b = min(a, b), max(a, b)
			}
			k.MutexLock(&fork[a])
			k.MutexLock(&fork[b])
			k.MutexUnlock(&fork[b])
			k.MutexUnlock(&fork[a])
		})
	}
}

// philosophersOfWords are philosophers with forks that lockdep knows nothing of.
func philosophersOfWords(n int) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		forks := words(m, n)
		tasks(m, n, func(i int, k *sim.K) {
			for _, f := range []int{i, (i + 1) % n} {
				for forks[f].Cmpxchg(k, 0, 1) != 0 {
					k.CPURelax()
				}
			}
			forks[i].Write(k, 0)
			forks[(i+1)%n].Write(k, 0)
		})
	}
}

// around is n tasks that each hold the i-th lock while they take the next.
func around(n int) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		l := mutexes(m, n)
		tasks(m, n, func(i int, k *sim.K) {
			k.MutexLock(&l[i])
			k.MutexLock(&l[(i+1)%n])
			k.MutexUnlock(&l[(i+1)%n])
			k.MutexUnlock(&l[i])
		})
	}
}

// inOneLock is n tasks that take one lock so many times each.
func inOneLock(n, times int) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		var l sim.SpinLock
		m.Setup().SpinLockInit(&l, "l")
		in := newInside(m)
		tasks(m, n, func(_ int, k *sim.K) {
			for range times {
				k.SpinLock(&l)
				in.enter(k)
				k.SpinUnlock(&l)
			}
		})
	}
}

// multinomial is in how many orders n tasks do as many things each.
func multinomial(n, times int) int {
	x := factorial(n * times)
	for range n {
		x /= factorial(times)
	}
	return x
}

// doubleChecked is initialisation that looks before it takes the lock, and again with it.
// The one that uses plain data to look is wrong.
func doubleChecked(n int, plain bool) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		l, done := mutexes(m, 1), words(m, 1)
		var value, ready sim.Cell[int]
		value.Init(m.Setup(), "value")
		ready.Init(m.Setup(), "ready")
		tasks(m, n, func(_ int, k *sim.K) {
			isDone := func() bool {
				if plain {
					return ready.Get(k) == 1
				}
				return done[0].LoadAcquire(k) == 1
			}
			if !isDone() {
				k.MutexLock(&l[0])
				if !isDone() {
					value.Set(k, 42)
					if plain {
						ready.Set(k, 1)
					} else {
						done[0].StoreRelease(k, 1)
					}
				}
				k.MutexUnlock(&l[0])
			}
			k.BugOn(value.Get(k) != 42, "not initialised")
		})
	}
}

// rwTasks is readers and writers of a cell.
func rwTasks(m *sim.Machine, readers, writers int, read, write func(k *sim.K, f func())) {
	var c sim.Cell[int]
	c.Init(m.Setup(), "shared")
	tasks(m, readers+writers, func(i int, k *sim.K) {
		if i < readers {
			read(k, func() { c.Get(k) })
		} else {
			write(k, func() { c.Set(k, i) })
		}
	})
}

func rwsems(readers, writers int) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		var l sim.RWSem
		m.Setup().InitRWSem(&l, "sem")
		rwTasks(m, readers, writers,
			func(k *sim.K, f func()) { k.DownRead(&l); f(); k.UpRead(&l) },
			func(k *sim.K, f func()) { k.DownWrite(&l); f(); k.UpWrite(&l) })
	}
}

func rwlocks(readers, writers int) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		var l sim.RWLock
		m.Setup().RWLockInit(&l, "lock")
		rwTasks(m, readers, writers,
			func(k *sim.K, f func()) { k.ReadLock(&l); f(); k.ReadUnlock(&l) },
			func(k *sim.K, f func()) { k.WriteLock(&l); f(); k.WriteUnlock(&l) })
	}
}

func percpuRWSems(readers, writers int) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		var l sim.PercpuRWSem
		m.Setup().PercpuInitRWSem(&l, "sem")
		rwTasks(m, readers, writers,
			func(k *sim.K, f func()) { k.PercpuDownRead(&l); f(); k.PercpuUpRead(&l) },
			func(k *sim.K, f func()) { k.PercpuDownWrite(&l); f(); k.PercpuUpWrite(&l) })
	}
}

// downgrades is a writer that goes on as a reader, beside others.
func downgrades(readers int) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		var l sim.RWSem
		m.Setup().InitRWSem(&l, "sem")
		rwTasks(m, readers, 2,
			func(k *sim.K, f func()) { k.DownRead(&l); f(); k.UpRead(&l) },
			func(k *sim.K, f func()) { k.DownWrite(&l); f(); k.DowngradeWrite(&l); k.UpRead(&l) })
	}
}

// seqReaders is readers that try again if a writer was there meanwhile. A reader that does
// not sees the one word without the other.
func seqReaders(readers, writers int, retry bool) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		var l sim.SeqLock
		m.Setup().SeqlockInit(&l, "seq")
		x := words(m, 2)
		tasks(m, readers+writers, func(i int, k *sim.K) {
			if i >= readers {
				k.WriteSeqlock(&l)
				x[0].Write(k, i)
				x[1].Write(k, i)
				k.WriteSequnlock(&l)
				return
			}
			for {
				seq := k.ReadSeqbegin(&l)
				a, b := x[0].Read(k), x[1].Read(k)
				if !retry || !k.ReadSeqretry(&l, seq) {
					k.BugOn(a != b, "torn")
					return
				}
			}
		})
	}
}

// refGetPut is tasks that take a reference if there is one left, and one that drops the
// first. With blindly they take it in any case.
func refGetPut(n int, blindly bool) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		var l sim.Life
		m.Setup().Born(&l, "object")
		var refs sim.Refcount
		refs.Init(m.Setup(), "refs", 1)
		put := func(k *sim.K) {
			if k.RefcountDecAndTest(&refs) {
				k.Kfree(&l)
			}
		}
		m.Go("owner", put)
		tasks(m, n, func(_ int, k *sim.K) {
			if blindly {
				k.RefcountInc(&refs)
			} else if !k.RefcountIncNotZero(&refs) {
				return
			}
			put(k)
		})
	}
}

// account is n tasks that each move from one account to the next, with both locked.
func account(n int) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		l := mutexes(m, n)
		money := make([]sim.Cell[int], n)
		for i := range money {
			money[i].Init(m.Setup(), "money")
		}
		tasks(m, n, func(i int, k *sim.K) {
			a, b := min(i, (i+1)%n), max(i, (i+1)%n)
			k.MutexLock(&l[a])
			k.MutexLockNested(&l[b], 1)
			money[i].Set(k, money[i].Get(k)-1)
			money[(i+1)%n].Set(k, money[(i+1)%n].Get(k)+1)
			k.MutexUnlock(&l[b])
			k.MutexUnlock(&l[a])
		})
	}
}

// In how many orders n philosophers around a table can eat where no two deadlock: each
// fork is taken by one of its two first, and not all in one direction.
func orientations(n int) int { return 1<<n - 2 }

var textbookLocks = []textbook{
	{name: "2 philosophers", build: philosophers(2, false), title: "possible deadlock"},
	{name: "3 philosophers", build: philosophers(3, false), title: "possible deadlock"},
	{name: "4 philosophers", build: philosophers(4, false), title: "possible deadlock"},
	{name: "5 philosophers", build: philosophers(5, false), title: "possible deadlock", large: true},
	{name: "2 philosophers in order", build: philosophers(2, true), closed: 2},
	{name: "3 philosophers in order", build: philosophers(3, true), closed: orientations(3)},
	{name: "4 philosophers in order", build: philosophers(4, true), closed: orientations(4)},
	{name: "5 philosophers in order", build: philosophers(5, true), closed: orientations(5)},
	{name: "3 philosophers that spin", build: philosophersOfWords(3), title: "BUG: soft lockup"},
	{name: "three locks around", build: around(3), title: "possible deadlock"},
	{name: "spinlock, 4 once", build: inOneLock(4, 1), closed: multinomial(4, 1)},
	{name: "spinlock, 3 twice", build: inOneLock(3, 2), closed: multinomial(3, 2)},
	{name: "spinlock, 2 four times", build: inOneLock(2, 4), closed: multinomial(2, 4)},
	{name: "accounts of 3", build: account(3), closed: orientations(3)},
	{name: "accounts of 4", build: account(4), closed: orientations(4)},
	{name: "double-checked, 2", build: doubleChecked(2, false)},
	{name: "double-checked, 3", build: doubleChecked(3, false)},
	{name: "double-checked with plain data", build: doubleChecked(2, true), title: race},
	{name: "rw_semaphore, 2 and 1", build: rwsems(2, 1)},
	{name: "rw_semaphore, 1 and 2", build: rwsems(1, 2)},
	{name: "rw_semaphore, 3 and 1", build: rwsems(3, 1)},
	{name: "rw_semaphore, 2 and 2", build: rwsems(2, 2), large: true},
	{name: "rwlock, 2 and 1", build: rwlocks(2, 1)},
	{name: "rwlock, 3 and 1", build: rwlocks(3, 1)},
	{name: "rwlock, 2 and 2", build: rwlocks(2, 2)},
	{name: "percpu_rw_semaphore, 2 and 1", build: percpuRWSems(2, 1)},
	{name: "percpu_rw_semaphore, 1 and 2", build: percpuRWSems(1, 2)},
	{name: "downgrade_write, 1", build: downgrades(1)},
	{name: "downgrade_write, 2", build: downgrades(2), large: true},
	{name: "seqlock, 1 and 1", build: seqReaders(1, 1, true)},
	{name: "seqlock, 2 and 1", build: seqReaders(2, 1, true)},
	{name: "seqlock, 1 and 2", build: seqReaders(1, 2, true)},
	{name: "seqlock, 1 and 3", build: seqReaders(1, 3, true), large: true},
	{name: "seqlock without a second look", build: seqReaders(1, 1, false), title: "kernel BUG"},
	{name: "references, 2", build: refGetPut(2, false)},
	{name: "references, 3", build: refGetPut(3, false)},
	{name: "references taken blindly", build: refGetPut(1, true), title: "WARNING: refcount bug"},
}
