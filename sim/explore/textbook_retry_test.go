package explore_test

import (
	"fmt"

	"trapline/sim"
)

// pairOf is two locks of a kind that a task may try to take.
type pairOf struct {
	lock, unlock func(k *sim.K, i int)
	try          func(k *sim.K, i int) bool
}

// The kinds of locks.
var pairs = map[string]func(m *sim.Machine) pairOf{
	"mutex": func(m *sim.Machine) pairOf {
		l := mutexes(m, 3)
		return pairOf{
			func(k *sim.K, i int) { k.MutexLock(&l[i]) }, func(k *sim.K, i int) { k.MutexUnlock(&l[i]) },
			func(k *sim.K, i int) bool { return k.MutexTrylock(&l[i]) },
		}
	},
	"spinlock": func(m *sim.Machine) pairOf {
		var l [3]sim.SpinLock
		for i := range l {
			m.Setup().SpinLockInit(&l[i], fmt.Sprint("l", i))
		}
		return pairOf{
			func(k *sim.K, i int) { k.SpinLock(&l[i]) }, func(k *sim.K, i int) { k.SpinUnlock(&l[i]) },
			func(k *sim.K, i int) bool { return k.SpinTrylock(&l[i]) },
		}
	},
	"rw_semaphore": func(m *sim.Machine) pairOf {
		l := rwsemsOf(m)
		return pairOf{
			func(k *sim.K, i int) { k.DownWrite(&l[i]) }, func(k *sim.K, i int) { k.UpWrite(&l[i]) },
			func(k *sim.K, i int) bool { return k.DownWriteTrylock(&l[i]) },
		}
	},
	"rw_semaphore, read": func(m *sim.Machine) pairOf {
		l := rwsemsOf(m)
		return pairOf{
			func(k *sim.K, i int) { k.DownRead(&l[i]) }, func(k *sim.K, i int) { k.UpRead(&l[i]) },
			func(k *sim.K, i int) bool { return k.DownReadTrylock(&l[i]) },
		}
	},
	"cmpxchg": func(m *sim.Machine) pairOf {
		x := words(m, 3)
		try := func(k *sim.K, i int) bool { return x[i].Cmpxchg(k, 0, 1) == 0 }
		return pairOf{
			func(k *sim.K, i int) {
				for !try(k, i) {
					k.CPURelax()
				}
			}, func(k *sim.K, i int) { x[i].StoreRelease(k, 0) }, try,
		}
	},
}

func rwsemsOf(m *sim.Machine) *[3]sim.RWSem {
	l := new([3]sim.RWSem)
	for i := range l {
		m.Setup().InitRWSem(&l[i], fmt.Sprint("l", i))
	}
	return l
}

// retries says how a task goes about two locks.
type retries struct {
	kind string
	// first says that it waits for the first lock, and only tries the second one;
	// otherwise it tries both.
	first bool
	tries int // after so many it gives up, unless 0
	// delays is from how many delays it chooses one before it begins anew.
	delays int
}

// of makes a program of one task for each pair, in which a task makes way if it does not
// get both: "01" for who takes the second lock under the first.
func (r retries) of(orders ...string) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		l, in := pairs[r.kind](m), newInside(m)
		tasks(m, len(orders), func(i int, k *sim.K) {
			a, b := int(orders[i][0]-'0'), int(orders[i][1]-'0')
			for n := 0; r.tries == 0 || n < r.tries; n++ {
				if !r.first && !l.try(k, a) {
					k.CPURelax()
					continue
				}
				if r.first {
					l.lock(k, a)
				}
				if l.try(k, b) {
					if r.kind != "rw_semaphore, read" && a*b == 0 {
						in.enter(k)
					}
					l.unlock(k, b)
					l.unlock(k, a)
					return
				}
				l.unlock(k, a)
				for range k.Choose(r.delays, "delay") {
					k.CPURelax()
				}
				k.CPURelax()
			}
		})
	}
}

// locksAgainstTries is a task that waits for two locks, beside one that tries to take
// them in an order of its own.
func locksAgainstTries(kind, order string) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		l, in := pairs[kind](m), newInside(m)
		m.Go("locks", func(k *sim.K) {
			l.lock(k, 0)
			l.lock(k, 1)
			in.enter(k)
			l.unlock(k, 1)
			l.unlock(k, 0)
		})
		m.Go("tries", func(k *sim.K) {
			a, b := int(order[0]-'0'), int(order[1]-'0')
			for {
				if l.try(k, a) {
					if l.try(k, b) {
						break
					}
					l.unlock(k, a)
				}
				k.CPURelax()
			}
			in.enter(k)
			l.unlock(k, b)
			l.unlock(k, a)
		})
	}
}

// triesThenLocks tries the first lock until it has it, and then waits for the second.
func triesThenLocks(kind string, orders ...string) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		l, in := pairs[kind](m), newInside(m)
		tasks(m, len(orders), func(i int, k *sim.K) {
			a, b := int(orders[i][0]-'0'), int(orders[i][1]-'0')
			for !l.try(k, a) {
				k.CPURelax()
			}
			l.lock(k, b)
			in.enter(k)
			l.unlock(k, b)
			l.unlock(k, a)
		})
	}
}

const lockup = "BUG: soft lockup"

// Who takes two locks in one order, or waits for one of them in the order of the others,
// comes through in the end; who makes way for somebody who makes way for him may do so
// for ever.
var textbookRetries = []textbook{
	{name: "mutex, 2 try in one order", build: retries{kind: "mutex"}.of("01", "01")},
	{name: "mutex, 3 try in one order", build: retries{kind: "mutex"}.of("01", "01", "01")},
	{name: "mutex, 2 wait and try in one order", build: retries{kind: "mutex", first: true}.of("01", "01"), closed: 2},
	{name: "mutex, 3 wait and try in one order", build: retries{kind: "mutex", first: true}.of("01", "01", "01"), closed: factorial(3)},
	{name: "mutex, 2 try in two orders", build: retries{kind: "mutex"}.of("01", "10"), endless: true, title: lockup},
	{name: "mutex, 2 wait and try in two orders", build: retries{kind: "mutex", first: true}.of("01", "10"), endless: true, title: lockup},
	{name: "mutex, 3 try around", build: retries{kind: "mutex"}.of("01", "12", "20"), endless: true, title: lockup, large: true},
	{name: "mutex, 3 wait and try around", build: retries{kind: "mutex", first: true}.of("01", "12", "20"), endless: true, title: lockup},
	{name: "mutex, 2 try in a row", build: retries{kind: "mutex"}.of("01", "12")},
	{name: "mutex, 2 wait and try in a row", build: retries{kind: "mutex", first: true}.of("01", "12")},
	{name: "mutex, 2 try the first", build: triesThenLocks("mutex", "01", "01")},
	{name: "mutex, 2 try the first, in two orders", build: triesThenLocks("mutex", "01", "10"), title: "possible deadlock"},
	{name: "mutex, one waits and one tries", build: locksAgainstTries("mutex", "01")},
	{name: "mutex, one waits and one tries, in two orders", build: locksAgainstTries("mutex", "10")},
	{name: "mutex, 2 tries in two orders", build: retries{kind: "mutex", tries: 2}.of("01", "10")},
	{name: "mutex, 3 tries in two orders", build: retries{kind: "mutex", tries: 3}.of("01", "10")},
	{name: "mutex, 2 try for a while in a row", build: retries{kind: "mutex", delays: 2}.of("01", "12")},
	{name: "mutex, 2 wait and try for one of three whiles in a row", build: retries{kind: "mutex", first: true, delays: 3}.of("01", "12")},
	{name: "mutex, 2 try for a while in two orders", build: retries{kind: "mutex", delays: 2}.of("01", "10"), endless: true, title: lockup},
	{name: "spinlock, 2 try in one order", build: retries{kind: "spinlock"}.of("01", "01")},
	{name: "spinlock, 2 try in two orders", build: retries{kind: "spinlock"}.of("01", "10"), endless: true, title: lockup, large: true},
	{name: "spinlock, one waits and one tries, in two orders", build: locksAgainstTries("spinlock", "10")},
	{name: "rw_semaphore, 2 wait and try in one order", build: retries{kind: "rw_semaphore", first: true}.of("01", "01")},
	{name: "rw_semaphore, 2 wait and try in two orders", build: retries{kind: "rw_semaphore", first: true}.of("01", "10"), endless: true, title: lockup, large: true},
	{name: "rw_semaphore, one waits and one tries, in two orders", build: locksAgainstTries("rw_semaphore", "10")},
	{name: "rw_semaphore, 3 try to read around", build: retries{kind: "rw_semaphore, read"}.of("01", "12", "20"), closed: 1},
	{name: "cmpxchg, 2 try in one order", build: retries{kind: "cmpxchg"}.of("01", "01")},
	{name: "cmpxchg, 2 wait and try in a row", build: retries{kind: "cmpxchg", first: true}.of("01", "12")},
	{name: "cmpxchg, 2 wait and try in two orders", build: retries{kind: "cmpxchg", first: true}.of("01", "10"), endless: true, title: lockup},
	{name: "cmpxchg, one waits and one tries, in two orders", build: locksAgainstTries("cmpxchg", "10"), title: lockup},
}
