package explore_test

import (
	"trapline/sim"
)

// inside is a critical section: whoever is not alone in it is in a data race.
type inside struct{ c sim.Cell[int] }

func newInside(m *sim.Machine) *inside {
	in := new(inside)
	in.c.Init(m.Setup(), "critical section")
	return in
}

func (in *inside) enter(k *sim.K) { in.c.Set(k, in.c.Get(k)+1) }

const race = "KCSAN: data-race"

// factorial is n!, in which order n tasks take a lock.
func factorial(n int) int {
	if n < 2 {
		return 1
	}
	return n * factorial(n-1)
}

// petersons is Peterson's algorithm. It is wrong if a task says that it wants to come in
// only after it has let the other go first.
func petersons(wrong bool) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		x, in := words(m, 3), newInside(m)
		tasks(m, 2, func(i int, k *sim.K) {
			if wrong {
				x[2].Write(k, 1-i)
				x[i].Write(k, 1)
			} else {
				x[i].Write(k, 1)
				x[2].Write(k, 1-i)
			}
			for x[1-i].Read(k) == 1 && x[2].Read(k) == 1-i {
				k.CPURelax()
			}
			in.enter(k)
			x[i].Write(k, 0)
		})
	}
}

// dekkers is Dekker's algorithm.
func dekkers(m *sim.Machine) {
	x, in := words(m, 3), newInside(m)
	tasks(m, 2, func(i int, k *sim.K) {
		x[i].Write(k, 1)
		for x[1-i].Read(k) == 1 {
			if x[2].Read(k) != i {
				x[i].Write(k, 0)
				for x[2].Read(k) != i {
					k.CPURelax()
				}
				x[i].Write(k, 1)
			}
		}
		in.enter(k)
		x[2].Write(k, 1-i)
		x[i].Write(k, 0)
	})
}

// bakery is Lamport's algorithm of n tasks.
func bakery(n int) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		choosing, number, in := words(m, n), words(m, n), newInside(m)
		tasks(m, n, func(i int, k *sim.K) {
			choosing[i].Write(k, 1)
			most := 0
			for j := range n {
				most = max(most, number[j].Read(k))
			}
			number[i].Write(k, most+1)
			choosing[i].Write(k, 0)
			for j := range n {
				if j == i {
					continue
				}
				for choosing[j].Read(k) == 1 {
				}
				for {
					other := number[j].Read(k)
					if other == 0 || other > most+1 || other == most+1 && j > i {
						break
					}
				}
			}
			in.enter(k)
			number[i].Write(k, 0)
		})
	}
}

// szymanski is Szymanski's algorithm: 1 wants to come in, 2 waits for others, 3 has come into
// the hall, and 4 has shut the door.
func szymanski(m *sim.Machine) {
	flag, in := words(m, 2), newInside(m)
	tasks(m, 2, func(i int, k *sim.K) {
		me, other := &flag[i], &flag[1-i]
		me.Write(k, 1)
		for other.Read(k) >= 3 {
		}
		me.Write(k, 3)
		if other.Read(k) == 1 {
			me.Write(k, 2)
			for other.Read(k) != 4 {
			}
		}
		me.Write(k, 4)
		for i == 1 && other.Read(k) >= 2 {
		}
		in.enter(k)
		for i == 0 && other.Read(k)&^1 == 2 { // 2 or 3
		}
		me.Write(k, 0)
	})
}

// ticketLock has n tasks that wait for their number, by a loop or by a wait.
func ticketLock(n int, await bool) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		var next, serving sim.AtomicInt
		next.Init(m.Setup(), "next", 0)
		serving.Init(m.Setup(), "serving", 0)
		in := newInside(m)
		tasks(m, n, func(_ int, k *sim.K) {
			mine := next.FetchAdd(k, 1)
			if await {
				serving.CondReadAcquire(k, func(v int32) bool { return v == mine })
			} else {
				for serving.Read(k) != mine {
					k.CPURelax()
				}
			}
			in.enter(k)
			serving.Set(k, mine+1)
		})
	}
}

// mcsLock is the queue of Mellor-Crummey and Scott.
func mcsLock(n int) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		tail, locked, next, in := words(m, 1), words(m, n+1), words(m, n+1), newInside(m)
		tasks(m, n, func(i int, k *sim.K) {
			me := i + 1
			if before := tail[0].Xchg(k, me); before != 0 {
				locked[me].Write(k, 1)
				next[before].Write(k, me)
				locked[me].CondLoadAcquire(k, func(v int) bool { return v == 0 })
			}
			in.enter(k)
			if next[me].Read(k) == 0 {
				if tail[0].Cmpxchg(k, me, 0) == me {
					return
				}
			}
			behind := next[me].CondLoadRelaxed(k, func(v int) bool { return v != 0 })
			locked[behind].StoreRelease(k, 0)
		})
	}
}

// testAndSet is n tasks at a lock that is taken by xchg, and looked at first if so.
func testAndSet(n int, look bool) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		l, in := words(m, 1), newInside(m)
		tasks(m, n, func(_ int, k *sim.K) {
			for l[0].Xchg(k, 1) == 1 {
				for look && l[0].Read(k) == 1 {
					k.CPURelax()
				}
			}
			in.enter(k)
			l[0].StoreRelease(k, 0)
		})
	}
}

// casCounter is n tasks that count by a loop of cmpxchg.
func casCounter(n int) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		x := words(m, 1)
		tasks(m, n, func(_ int, k *sim.K) {
			for {
				old := x[0].Read(k)
				if x[0].Cmpxchg(k, old, old+1) == old {
					return
				}
			}
		})
		m.After(func(k *sim.K) { k.BugOn(x[0].Peek() != n, "lost update") })
	}
}

// treiber is Treiber's stack: so many push and so many pop, of nodes that are never
// used again.
func treiber(pushers, poppers int) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		top, next := words(m, 1), words(m, pushers+1)
		tasks(m, pushers+poppers, func(i int, k *sim.K) {
			if i < pushers {
				for node := i + 1; ; {
					old := top[0].Read(k)
					next[node].Write(k, old)
					if top[0].Cmpxchg(k, old, node) == old {
						return
					}
				}
			}
			for {
				old := top[0].Read(k)
				if old == 0 {
					return
				}
				if below := next[old].Read(k); top[0].Cmpxchg(k, old, below) == old {
					return
				}
			}
		})
	}
}

// chaseLev is the deque of Chase and Lev: the owner pushes n and pops them, thieves steal
// once each. Nobody may get what another one got.
func chaseLev(n, thieves int) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		top, bottom, items := words(m, 1), words(m, 1), words(m, n)
		got := words(m, n)
		take := func(k *sim.K, i int) { k.BugOn(got[i].Xchg(k, 1) == 1, "taken twice") }
		m.Go("owner", func(k *sim.K) {
			for i := range n {
				items[i].Write(k, i)
				bottom[0].Write(k, i+1)
			}
			for range n {
				b := bottom[0].Read(k) - 1
				bottom[0].Write(k, b)
				t := top[0].Read(k)
				if t > b {
					bottom[0].Write(k, t)
					return
				}
				if i := items[b].Read(k); t < b {
					take(k, i)
					continue
				} else if top[0].Cmpxchg(k, t, t+1) == t {
					take(k, i)
				}
				bottom[0].Write(k, t+1)
			}
		})
		tasks(m, thieves, func(_ int, k *sim.K) {
			t := top[0].Read(k)
			if b := bottom[0].Read(k); t >= b {
				return
			}
			i := items[t].Read(k)
			if top[0].Cmpxchg(k, t, t+1) == t {
				take(k, i)
			}
		})
	}
}

// meeting is n tasks that meet at a counter, and then read what all have written.
func meeting(n int) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		var here sim.AtomicInt
		here.Init(m.Setup(), "here", 0)
		x := words(m, n)
		tasks(m, n, func(i int, k *sim.K) {
			x[i].Write(k, 1)
			if int(here.FetchAdd(k, 1)) < n-1 {
				for int(here.Read(k)) < n {
				}
			}
			k.BugOn(x[(i+1)%n].Read(k) == 0, "too early")
		})
	}
}

// sense is a barrier that is used twice, and turns its sense each time.
func sense(n int) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		var here sim.AtomicInt
		here.Init(m.Setup(), "here", 0)
		turn := words(m, 1)
		tasks(m, n, func(_ int, k *sim.K) {
			for round := 1; round <= 2; round++ {
				if int(here.FetchAdd(k, 1)) == n-1 {
					here.Set(k, 0)
					turn[0].Write(k, round)
					continue
				}
				for turn[0].Read(k) < round {
				}
			}
		})
	}
}

// spinners wait for several words, that as many tasks set, in the order in which
// they wait or in the opposite one.
func spinners(n, on int, back bool) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		x := words(m, on)
		m.Go("setter", func(k *sim.K) {
			for i := range x {
				x[i].Write(k, 1)
			}
		})
		tasks(m, n, func(_ int, k *sim.K) {
			for i := range on {
				if back {
					i = on - 1 - i
				}
				for x[i].Read(k) == 0 {
					k.CPURelax()
				}
			}
		})
	}
}

// nested is a loop in a loop: whoever comes too early to the second word goes back to
// the first one.
func nested(n int) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		x := words(m, 2)
		m.Go("setter", func(k *sim.K) {
			x[0].Write(k, 1)
			x[1].Write(k, 1)
		})
		tasks(m, n, func(_ int, k *sim.K) {
			for {
				for x[0].Read(k) == 0 {
					k.CPURelax()
				}
				if x[1].Read(k) == 1 {
					return
				}
			}
		})
	}
}

// givesUp is tasks that try a lock so many times.
func givesUp(n, tries int) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		var l sim.SpinLock
		m.Setup().SpinLockInit(&l, "l")
		in := newInside(m)
		tasks(m, n, func(_ int, k *sim.K) {
			for range tries {
				if k.SpinTrylock(&l) {
					in.enter(k)
					k.SpinUnlock(&l)
					return
				}
				k.CPURelax()
			}
		})
	}
}

// snapshot is a reader that reads two words again and again until it has read the same
// twice, so many times at most, beside two writers. What it has seen of a round does not
// say whether it goes round once more: that depends on the round before.
func snapshot(tries int) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		x := words(m, 2)
		tasks(m, 2, func(i int, k *sim.K) {
			x[i].Write(k, 1)
			x[i].Write(k, 2)
		})
		m.Go("reader", func(k *sim.K) {
			a, b := x[0].Read(k), x[1].Read(k)
			for range tries {
				c, d := x[0].Read(k), x[1].Read(k)
				if a == c && b == d {
					return
				}
				a, b = c, d
			}
		})
	}
}

var textbookSpins = []textbook{
	{name: "Peterson", build: petersons(false)},
	{name: "Peterson, the wrong way round", build: petersons(true), title: race},
	{name: "Dekker", build: dekkers},
	{name: "bakery of 2", build: bakery(2)},
	{name: "bakery of 3", build: bakery(3), large: true},
	{name: "Szymanski", build: szymanski},
	{name: "ticket lock of 3, waiting", build: ticketLock(3, true), closed: factorial(3)},
	{name: "ticket lock of 5, waiting", build: ticketLock(5, true), closed: factorial(5)},
	{name: "ticket lock of 2", build: ticketLock(2, false)},
	{name: "ticket lock of 3", build: ticketLock(3, false)},
	{name: "MCS lock of 2", build: mcsLock(2)},
	{name: "MCS lock of 3", build: mcsLock(3)},
	{name: "test and set of 2", build: testAndSet(2, false)},
	{name: "test and set of 3", build: testAndSet(3, false)},
	{name: "test, then test and set of 3", build: testAndSet(3, true)},
	{name: "cmpxchg counter of 2", build: casCounter(2)},
	{name: "cmpxchg counter of 3", build: casCounter(3)},
	{name: "Treiber's stack, 2 push", build: treiber(2, 0)},
	{name: "Treiber's stack, 2 push and 1 pops", build: treiber(2, 1)},
	{name: "Treiber's stack, 1 pushes and 2 pop", build: treiber(1, 2)},
	{name: "Treiber's stack, 3 push", build: treiber(3, 0)},
	{name: "deque of 1 and 2 thieves", build: chaseLev(1, 2)},
	{name: "deque of 2 and a thief", build: chaseLev(2, 1)},
	{name: "deque of 2 and 2 thieves", build: chaseLev(2, 2)},
	{name: "barrier of 3", build: meeting(3)},
	{name: "barrier of 4", build: meeting(4), large: true},
	{name: "barrier of 2 with a sense", build: sense(2)},
	{name: "barrier of 3 with a sense", build: sense(3)},
	{name: "2 spinners on 2 words", build: spinners(2, 2, false)},
	{name: "3 spinners on 2 words", build: spinners(3, 2, false)},
	{name: "2 spinners on 3 words", build: spinners(2, 3, false)},
	{name: "2 spinners on 3 words, backwards", build: spinners(2, 3, true)},
	{name: "a loop in a loop", build: nested(1)},
	{name: "two loops in loops", build: nested(2)},
	{name: "snapshot in 2 tries", build: snapshot(2), closed: 73},
	{name: "snapshot in 3 tries", build: snapshot(3), closed: 97},
	{name: "2 tries each of 2", build: givesUp(2, 2)},
	{name: "3 tries each of 2", build: givesUp(2, 3)},
	{name: "2 tries each of 3", build: givesUp(3, 2)},
}
