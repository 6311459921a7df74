package explore_test

import (
	"trapline/sim"
)

// region is how readers of a flavour mark where they are, and how one waits for them.
type region struct {
	lock, unlock, synchronize func(k *sim.K)
	call                      func(k *sim.K, h *sim.RCUHead, f func(*sim.K))
	barrier                   func(k *sim.K)
}

var regions = map[string]region{
	"rcu":   {(*sim.K).RCUReadLock, (*sim.K).RCUReadUnlock, (*sim.K).SynchronizeRCU, (*sim.K).CallRCU, (*sim.K).RCUBarrier},
	"bh":    {(*sim.K).RCUReadLockBH, (*sim.K).RCUReadUnlockBH, (*sim.K).SynchronizeRCUBH, (*sim.K).CallRCUBH, (*sim.K).RCUBarrierBH},
	"sched": {(*sim.K).RCUReadLockSched, (*sim.K).RCUReadUnlockSched, (*sim.K).SynchronizeSched, (*sim.K).CallRCUSched, (*sim.K).RCUBarrierSched},
	"trace": {(*sim.K).RCUReadLockTrace, (*sim.K).RCUReadUnlockTrace, (*sim.K).SynchronizeRCUTasksTrace, (*sim.K).CallRCUTasksTrace, (*sim.K).RCUBarrierTasksTrace},
	"rude":  {(*sim.K).PreemptDisable, (*sim.K).PreemptEnable, (*sim.K).SynchronizeRCUTasksRude, (*sim.K).CallRCUTasksRude, (*sim.K).RCUBarrierTasksRude},
}

// removal has readers follow a pointer to an object that a task takes away: it waits for
// them, or has it freed when they have gone, or does not care.
func removal(flavour string, readers int, how string) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		f, s := regions[flavour], m.Setup()
		var l sim.Life
		s.Born(&l, "object")
		var head sim.RCUHead
		head.Init(s, "head")
		x, pointer := words(m, 1), words(m, 1)
		x[0].In(&l)
		pointer[0].Init(s, "pointer", 1)
		tasks(m, readers, func(_ int, k *sim.K) {
			f.lock(k)
			if pointer[0].Read(k) == 1 {
				x[0].Read(k)
			}
			f.unlock(k)
		})
		m.Go("updater", func(k *sim.K) {
			pointer[0].Write(k, 0)
			switch how {
			case "synchronize":
				f.synchronize(k)
				k.Kfree(&l)
			case "call":
				f.call(k, &head, func(k *sim.K) { k.Kfree(&l) })
			case "barrier":
				f.call(k, &head, func(k *sim.K) { k.Kfree(&l) })
				f.barrier(k)
			case "at once":
				k.Kfree(&l)
			}
		})
	}
}

// twoUpdaters each wait for a grace period, beside readers.
func twoUpdaters(readers int) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		x := words(m, 2)
		tasks(m, readers, func(_ int, k *sim.K) {
			k.RCUReadLock()
			x[0].Read(k)
			x[1].Read(k)
			k.RCUReadUnlock()
		})
		spawn(m, 2, "updater", func(k *sim.K) {
			x[0].Write(k, 1)
			k.SynchronizeRCU()
			x[1].Write(k, 1)
		})
	}
}

// srcuReaders is removal with a domain of its own.
func srcuReaders(readers int, wait bool) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		s := m.Setup()
		var domain sim.SRCU
		s.InitSRCUStruct(&domain, "domain")
		var l sim.Life
		s.Born(&l, "object")
		x, pointer := words(m, 1), words(m, 1)
		x[0].In(&l)
		tasks(m, readers, func(_ int, k *sim.K) {
			idx := k.SRCUReadLock(&domain)
			if pointer[0].Read(k) == 0 {
				x[0].Read(k)
			}
			k.SRCUReadUnlock(&domain, idx)
		})
		m.Go("updater", func(k *sim.K) {
			pointer[0].Write(k, 1)
			if wait {
				k.SynchronizeSRCU(&domain)
			}
			k.Kfree(&l)
		})
	}
}

// lists is readers of a list to which one task adds, and from which another one deletes.
func lists(readers int) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		s := m.Setup()
		var list sim.RCUHList[int]
		list.Init(s, "list")
		lives, nodes, values := make([]sim.Life, 3), make([]sim.RCUHNode[int], 3), []int{0, 1, 2}
		for i := range nodes {
			s.Born(&lives[i], numbered.t[i])
			nodes[i].Init(s, numbered.t[i], &values[i])
			nodes[i].In(&lives[i])
			if i < 2 {
				list.AddTail(s, &nodes[i])
			}
		}
		l := mutexes(m, 1)
		tasks(m, readers, func(_ int, k *sim.K) {
			k.RCUReadLock()
			for range list.All(k, true) {
			}
			k.RCUReadUnlock()
		})
		m.Go("adder", func(k *sim.K) {
			k.MutexLock(&l[0])
			list.AddTail(k, &nodes[2])
			k.MutexUnlock(&l[0])
		})
		m.Go("deleter", func(k *sim.K) {
			k.MutexLock(&l[0])
			list.Del(k, &nodes[0])
			k.MutexUnlock(&l[0])
			k.SynchronizeRCU()
			k.Kfree(&lives[0])
		})
	}
}

// tornBy is a task whose CPU is interrupted while it changes two words that belong
// together. It has to keep interrupts away, and from an NMI it cannot.
func tornBy(handlers int, nmi, off bool) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		x := words(m, 2)
		m.GoOn(0, "task", func(k *sim.K) {
			flags := 0
			if off {
				flags = k.LocalIRQSave()
			}
			x[0].Write(k, 1)
			x[1].Write(k, 1)
			if off {
				k.LocalIRQRestore(flags)
			}
		})
		handler := func(k *sim.K) { k.BugOn(x[0].Read(k) != x[1].Read(k), "torn") }
		m.GoOn(1, "raiser", func(k *sim.K) {
			for i := range handlers {
				if nmi {
					k.NMIOn(0, numbered.t[i], handler)
				} else {
					k.InterruptOn(0, numbered.t[i], handler)
				}
			}
		})
	}
}

// stops is a change that is made while nobody runs.
func stops(n int) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		m.ShareCPUs()
		x := words(m, 2)
		for i := range n {
			m.GoOn(i, numbered.t[i], func(k *sim.K) {
				k.PreemptDisable()
				k.BugOn(x[0].Read(k) != x[1].Read(k), "torn")
				k.PreemptEnable()
			})
		}
		m.GoOn(n, "changer", func(k *sim.K) {
			k.StopMachine(func(k *sim.K) {
				x[0].Write(k, 1)
				x[1].Write(k, 1)
			})
		})
	}
}

// perCPU is tasks that count on their own CPU, and one that adds it all up.
func perCPU(n int) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		var c sim.PerCPUInt[int]
		c.Init(m.Setup(), "c", n)
		for i := range n {
			m.GoOn(i, numbered.t[i], func(k *sim.K) {
				c.Inc(k)
				c.Inc(k)
			})
		}
		m.GoOn(n-1, "sum", func(k *sim.K) { c.Sum(k) })
	}
}

// irqLock is tasks that share a lock with the handler of an interrupt, on one CPU.
func irqLock(n int, off bool) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		var l sim.SpinLock
		m.Setup().SpinLockInit(&l, "l")
		in := newInside(m)
		for i := range n {
			m.GoOn(i, numbered.t[i], func(k *sim.K) {
				if off {
					flags := k.SpinLockIRQSave(&l)
					in.enter(k)
					k.SpinUnlockIRQRestore(&l, flags)
					return
				}
				k.SpinLock(&l)
				in.enter(k)
				k.SpinUnlock(&l)
			})
		}
		m.GoOn(n, "raiser", func(k *sim.K) {
			k.InterruptOn(0, "irq", func(k *sim.K) {
				k.SpinLock(&l)
				in.enter(k)
				k.SpinUnlock(&l)
			})
		})
	}
}

// program of other sizes from the table of other checkers.
func of(p sim.Program) func(m *sim.Machine) { return p }

var textbookKernel = []textbook{
	{name: "rcu, 1 reader", build: removal("rcu", 1, "synchronize")},
	{name: "rcu, 3 readers", build: removal("rcu", 3, "synchronize")},
	{name: "rcu, 2 readers, call_rcu", build: removal("rcu", 2, "call")},
	{name: "rcu, 2 readers, rcu_barrier", build: removal("rcu", 2, "barrier")},
	{name: "rcu, freed at once", build: removal("rcu", 2, "at once"), title: "KASAN: slab-use-after-free"},
	{name: "rcu_bh, 2 readers", build: removal("bh", 2, "synchronize")},
	{name: "rcu_bh, 2 readers, call_rcu", build: removal("bh", 2, "call")},
	{name: "rcu_sched, 2 readers", build: removal("sched", 2, "synchronize")},
	{name: "rcu_sched, 2 readers, rcu_barrier", build: removal("sched", 2, "barrier")},
	{name: "rcu_tasks_trace, 2 readers", build: removal("trace", 2, "synchronize")},
	{name: "rcu_tasks_trace, 2 readers, call_rcu", build: removal("trace", 2, "call")},
	{name: "rcu_tasks_rude, 2 readers", build: removal("rude", 2, "synchronize")},
	{name: "2 updaters and a reader", build: twoUpdaters(1)},
	{name: "2 updaters and 2 readers", build: twoUpdaters(2)},
	{name: "srcu, 2 readers", build: srcuReaders(2, true)},
	{name: "srcu, 3 readers", build: srcuReaders(3, true)},
	{name: "srcu, freed at once", build: srcuReaders(1, false), title: "KASAN: slab-use-after-free"},
	{name: "a list and 1 reader", build: lists(1)},
	{name: "a list and 2 readers", build: lists(2)},
	{name: "interrupts off", build: tornBy(1, false, true)},
	{name: "interrupts off, 2 interrupts", build: tornBy(2, false, true)},
	{name: "interrupts on", build: tornBy(1, false, false), title: "kernel BUG"},
	{name: "interrupts off, and an NMI", build: tornBy(1, true, true), title: "kernel BUG"},
	{name: "stop_machine and 1", build: stops(1)},
	{name: "stop_machine and 2", build: stops(2), large: true},
	{name: "per-CPU counter of 2", build: perCPU(2)},
	{name: "per-CPU counter of 3", build: perCPU(3)},
	{name: "a lock and an interrupt, 1", build: irqLock(1, true)},
	{name: "a lock and an interrupt, 2", build: irqLock(2, true)},
	{name: "a lock and an interrupt that comes in", build: irqLock(1, false), title: "inconsistent lock state"},
	{name: "lastzero(4)", build: of(lastzero(4))},
	{name: "lastzero(7)", build: of(lastzero(7))},
	{name: "readers(1)", build: of(readers(1)), closed: 2},
	{name: "readers(6)", build: of(readers(6)), closed: 1 << 6},
	{name: "readers(9)", build: of(readers(9)), closed: 1 << 9},
	{name: "sb(5)", build: of(sb(5)), closed: 1<<5 - 1},
	// The reference makes 5^n beginnings of it; TestOptimalCounts has the larger ones.
	{name: "indexer(5)", build: of(indexer(5)), closed: 1},
	{name: "indexer(6)", build: of(indexer(6)), closed: 1, large: true},
}
