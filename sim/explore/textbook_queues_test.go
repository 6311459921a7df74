package explore_test

import (
	"trapline/sim"
)

// clh is the lock of Craig, Landin and Hagersten: whoever comes waits for the node of the
// one who came before.
func clh(n int) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		busy := words(m, n+1)
		var tail sim.Word[int]
		tail.Init(m.Setup(), "tail", n)
		in := newInside(m)
		tasks(m, n, func(i int, k *sim.K) {
			busy[i].Write(k, 1)
			busy[tail.Xchg(k, i)].CondLoadAcquire(k, func(v int) bool { return v == 0 })
			in.enter(k)
			busy[i].StoreRelease(k, 0)
		})
	}
}

// anderson is a lock whose waiters each have a place in an array.
func anderson(n int) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		turn := make([]sim.Word[int], n)
		for i := range turn {
			turn[i].Init(m.Setup(), numbered.w[i], max(1-i, 0))
		}
		var next sim.AtomicInt
		next.Init(m.Setup(), "next", 0)
		in := newInside(m)
		tasks(m, n, func(_ int, k *sim.K) {
			i := int(next.FetchInc(k))
			turn[i].CondLoadAcquire(k, func(v int) bool { return v == 1 })
			in.enter(k)
			turn[(i+1)%n].StoreRelease(k, 1)
		})
	}
}

// fastMutex is the entry of Lamport's fast mutual exclusion for two, who give up where
// they would begin anew.
func fastMutex(m *sim.Machine) {
	x := words(m, 2)
	wants := words(m, 2)
	in := newInside(m)
	tasks(m, 2, func(i int, k *sim.K) {
		wants[i].Write(k, 1)
		x[0].Write(k, i+1)
		if x[1].Read(k) != 0 {
			wants[i].Write(k, 0)
			return
		}
		x[1].Write(k, i+1)
		if x[0].Read(k) != i+1 {
			wants[i].Write(k, 0)
			wants[1-i].CondLoadAcquire(k, func(v int) bool { return v == 0 })
			if x[1].Read(k) != i+1 {
				return
			}
		}
		in.enter(k)
		x[1].Write(k, 0)
		wants[i].Write(k, 0)
	})
}

// splitter is that of Moir and Anderson: at most one of n gets through.
func splitter(n int) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		x := words(m, 3)
		tasks(m, n, func(i int, k *sim.K) {
			x[0].Write(k, i+1)
			if x[1].Read(k) == 1 {
				return
			}
			x[1].Write(k, 1)
			if x[0].Read(k) == i+1 {
				k.BugOn(x[2].Xchg(k, 1) == 1, "two got through")
			}
		})
	}
}

// dissemination is the barrier in which everybody signals to one who is twice as far away
// in each round.
func dissemination(rounds int) func(m *sim.Machine) {
	n := 1 << rounds
	return func(m *sim.Machine) {
		x := words(m, n*rounds)
		tasks(m, n, func(i int, k *sim.K) {
			for r := range rounds {
				x[r*n+(i+1<<r)%n].Write(k, 1)
				x[r*n+i].CondLoadAcquire(k, func(v int) bool { return v == 1 })
			}
		})
	}
}

// ringBuffer is a queue of two places between one who puts n in and one who takes them.
func ringBuffer(n int) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		x, at := words(m, 2), words(m, 2)
		m.Go("puts", func(k *sim.K) {
			for i := range n {
				at[1].CondLoadAcquire(k, func(v int) bool { return i-v < 2 })
				x[i%2].Write(k, i+1)
				at[0].StoreRelease(k, i+1)
			}
		})
		m.Go("takes", func(k *sim.K) {
			for i := range n {
				at[0].CondLoadAcquire(k, func(v int) bool { return v > i })
				k.BugOn(x[i%2].Read(k) != i+1, "not what was put in")
				at[1].StoreRelease(k, i+1)
			}
		})
	}
}

// hazard is a reader that says what it is about to use, and one who takes it away and
// frees it unless somebody has said so. Without a second look the reader comes too late.
func hazard(again bool) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		s := m.Setup()
		var l sim.Life
		s.Born(&l, "object")
		x := words(m, 1)
		x[0].In(&l)
		var p, uses sim.Word[int]
		p.Init(s, "p", 1)
		uses.Init(s, "uses", 0)
		m.Go("reader", func(k *sim.K) {
			if p.Read(k) == 0 {
				return
			}
			uses.Write(k, 1)
			if !again || p.Read(k) == 1 {
				x[0].Read(k)
			}
			uses.StoreRelease(k, 0)
		})
		m.Go("reclaims", func(k *sim.K) {
			p.Xchg(k, 0)
			uses.CondLoadAcquire(k, func(v int) bool { return v == 0 })
			k.Kfree(&l)
		})
	}
}

// handOverHand is n tasks that go along a chain of locks.
func handOverHand(n, locks int) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		l := make([]sim.Mutex, locks)
		for i := range l {
			m.Setup().MutexInit(&l[i], numbered.l[i])
		}
		tasks(m, n, func(_ int, k *sim.K) {
			k.MutexLock(&l[0])
			for i := 1; i < locks; i++ {
				k.MutexLock(&l[i])
				k.MutexUnlock(&l[i-1])
			}
			k.MutexUnlock(&l[locks-1])
		})
	}
}

// bigReader is a lock for each of n readers, all of which a writer takes. Each reader
// comes so many times, and the writer before any of these.
func bigReader(n, times int) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		l := make([]sim.Mutex, n)
		for i := range l {
			m.Setup().MutexInit(&l[i], numbered.l[i])
		}
		tasks(m, n, func(i int, k *sim.K) {
			for range times {
				k.MutexLock(&l[i])
				k.MutexUnlock(&l[i])
			}
		})
		m.Go("writer", func(k *sim.K) {
			for i := range l {
				k.MutexLock(&l[i])
			}
			for i := range l {
				k.MutexUnlock(&l[i])
			}
		})
	}
}

// smokers are three who each wait for what somebody chooses to bring.
func smokers(m *sim.Machine) {
	var c [3]sim.Completion
	var done sim.Completion
	for i := range c {
		m.Setup().InitCompletion(&c[i], numbered.l[i])
	}
	m.Setup().InitCompletion(&done, "done")
	m.Go("agent", func(k *sim.K) {
		k.Complete(&c[k.Choose(3, "what is missing")])
		k.WaitForCompletion(&done)
	})
	for i := range c {
		m.Daemon(numbered.t[i], func(k *sim.K) {
			k.WaitForCompletion(&c[i])
			k.Complete(&done)
		})
	}
}

// exclusives wait for a token each, and are woken one by one. Whoever takes a token
// without having slept is in the queue all the same for a moment, and a wake-up that finds
// it there is lost for the others.
func exclusives(all bool) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		var q sim.WaitQueue
		m.Setup().InitWaitqueueHead(&q, "q")
		var tokens sim.AtomicInt
		tokens.Init(m.Setup(), "tokens", 0)
		tasks(m, 2, func(_ int, k *sim.K) {
			k.WaitEventExclusive(&q, func() bool { return tokens.DecIfPositive(k) >= 0 })
		})
		m.Go("gives", func(k *sim.K) {
			for range 2 {
				tokens.Inc(k)
				if all {
					k.WakeUpAll(&q)
				} else {
					k.WakeUp(&q)
				}
			}
		})
	}
}

var textbookQueues = []textbook{
	{name: "CLH lock of 2", build: clh(2), closed: factorial(2)},
	{name: "CLH lock of 4", build: clh(4), closed: factorial(4)},
	{name: "array lock of 3", build: anderson(3), closed: factorial(3)},
	{name: "array lock of 4", build: anderson(4), closed: factorial(4)},
	{name: "Lamport's fast mutex", build: fastMutex},
	{name: "splitter of 3", build: splitter(3)},
	{name: "dissemination barrier of 4", build: dissemination(2), closed: 1},
	{name: "ring of 2 places, 3 go through", build: ringBuffer(3), closed: 9},
	{name: "hazard pointer", build: hazard(true)},
	{name: "hazard pointer, looked at once", build: hazard(false), title: "KASAN: slab-use-after-free"},
	{name: "hand over hand, 3 along 3", build: handOverHand(3, 3), closed: factorial(3)},
	{name: "big-reader lock, 2 twice", build: bigReader(2, 2), closed: 3 * 3},
	{name: "big-reader lock, 3 once", build: bigReader(3, 1), closed: 1 << 3},
	{name: "cigarette smokers", build: smokers, closed: 3},
	{name: "exclusive waiters, all woken", build: exclusives(true)},
	{name: "exclusive waiters", build: exclusives(false), title: "INFO: task hung"},
}
