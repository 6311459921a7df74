package explore_test

import (
	"trapline/sim"
)

// later is n things of each kind that are done later. What they do is to count.
type later struct {
	wq      sim.Workqueue
	works   []sim.Work
	delayed []sim.DelayedWork
	timers  []sim.Timer
	heads   []sim.RCUHead
	done    []sim.Completion
	threads []sim.Kthread
	count   sim.Word[int]
}

func (w *later) add(k *sim.K) { w.count.Write(k, w.count.Read(k)+1) }

// deferredOf makes a program with n things that are done later.
func deferredOf(n int, f func(m *sim.Machine, w *later)) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		s := m.Setup()
		w := &later{
			works: make([]sim.Work, n), delayed: make([]sim.DelayedWork, n), timers: make([]sim.Timer, n),
			heads: make([]sim.RCUHead, n), done: make([]sim.Completion, n), threads: make([]sim.Kthread, n),
		}
		s.AllocWorkqueue(&w.wq, "wq")
		w.count.Init(s, "count", 0)
		for i := range n {
			s.InitWork(&w.works[i], numbered.w[i], w.add)
			s.InitDelayedWork(&w.delayed[i], numbered.w[i], w.add)
			s.TimerSetup(&w.timers[i], numbered.w[i], w.add)
			w.heads[i].Init(s, numbered.w[i])
			s.InitCompletion(&w.done[i], numbered.w[i])
		}
		f(m, w)
	}
}

// inOrder makes the workqueue one that does its items one after the other.
func inOrder(k *sim.K, w *later) { k.AllocOrderedWorkqueue(&w.wq, "wq") }

// asks is one task that asks for n things and then does something about them.
func asks(n int, ask func(k *sim.K, w *later, i int), then func(k *sim.K, w *later), setup ...func(k *sim.K, w *later)) func(m *sim.Machine) {
	return deferredOf(n, func(m *sim.Machine, w *later) {
		for _, f := range setup {
			f(m.Setup(), w)
		}
		m.Go("asks", func(k *sim.K) {
			for i := range n {
				ask(k, w, i)
			}
			then(k, w)
			w.count.Read(k)
		})
	})
}

// each is n tasks that ask for one thing each, beside one that does something about them.
func each(n int, ask func(k *sim.K, w *later, i int), then func(k *sim.K, w *later), setup ...func(k *sim.K, w *later)) func(m *sim.Machine) {
	return deferredOf(n, func(m *sim.Machine, w *later) {
		for _, f := range setup {
			f(m.Setup(), w)
		}
		tasks(m, n, func(i int, k *sim.K) { ask(k, w, i) })
		m.Go("other", func(k *sim.K) {
			then(k, w)
			w.count.Read(k)
		})
	})
}

func queueWork(k *sim.K, w *later, i int) { k.QueueWork(&w.wq, &w.works[i]) }
func queueWorkAndCancelOne(k *sim.K, w *later, i int) {
	queueWork(k, w, i)
	if i == 0 {
		k.CancelWork(&w.works[i])
	}
}
func queueDelayed(k *sim.K, w *later, i int) { k.QueueDelayedWork(&w.wq, &w.delayed[i]) }
func armTimer(k *sim.K, w *later, i int)     { k.ModTimer(&w.timers[i]) }
func callRCU(k *sim.K, w *later, i int)      { k.CallRCU(&w.heads[i], w.add) }
func flushQueue(k *sim.K, w *later)          { k.FlushWorkqueue(&w.wq) }
func rcuBarrier(k *sim.K, _ *later)          { k.RCUBarrier() }

// sleeper runs a thread that sleeps until it is told to stop.
func sleeper(k *sim.K, w *later, i int) {
	t := &w.threads[i]
	k.KthreadRun(t, numbered.w[i], func(k *sim.K) int {
		for {
			k.SetCurrentState(sim.TaskInterruptible)
			if k.KthreadShouldStop(t) {
				k.SetCurrentState(sim.TaskRunning)
				return 0
			}
			k.Schedule(nil)
		}
	})
}

// onAll does something about each of n things.
func onAll(n int, f func(k *sim.K, w *later, i int)) func(k *sim.K, w *later) {
	return func(k *sim.K, w *later) {
		for i := range n {
			f(k, w, i)
		}
	}
}

var textbookDeferred = []textbook{
	{name: "4 works, drained", build: asks(4, queueWork, func(k *sim.K, w *later) { k.DrainWorkqueue(&w.wq) }), large: true},
	{name: "3 works, drained", build: asks(3, queueWork, func(k *sim.K, w *later) { k.DrainWorkqueue(&w.wq) })},
	{name: "3 works, one waited for", build: asks(3, queueWork, func(k *sim.K, w *later) { k.FlushWork(&w.works[1]) })},
	{name: "3 works, cancelled", build: asks(3, queueWork, onAll(3, func(k *sim.K, w *later, i int) { k.CancelWorkSync(&w.works[i]) }))},
	{name: "2 works, flushed twice", build: asks(2, queueWork, func(k *sim.K, w *later) { flushQueue(k, w); flushQueue(k, w) })},
	{name: "2 queue, another one flushes", build: each(2, queueWork, flushQueue)},
	{name: "3 queue, one of them cancels, another one flushes", build: each(3, queueWorkAndCancelOne, flushQueue)},
	{name: "in order, 3 queue, one of them cancels", build: each(3, queueWorkAndCancelOne, func(*sim.K, *later) {}, inOrder)},
	{name: "in order, 3 queue, one of them cancels, another one flushes", build: each(3, queueWorkAndCancelOne, flushQueue, inOrder)},
	{name: "in order, 3 delayed works, one cancelled", build: asks(3, queueDelayed, func(k *sim.K, w *later) { k.CancelDelayedWorkSync(&w.delayed[0]); flushQueue(k, w) }, inOrder)},
	{name: "2 queue the same work, and wait", build: each(2, func(k *sim.K, w *later, _ int) { queueWork(k, w, 0); k.FlushWork(&w.works[0]) }, flushQueue), large: true},
	{name: "2 delayed works, flushed", build: asks(2, queueDelayed, onAll(2, func(k *sim.K, w *later, i int) { k.FlushDelayedWork(&w.delayed[i]) }))},
	{name: "3 delayed works, one cancelled", build: asks(3, queueDelayed, func(k *sim.K, w *later) { k.CancelDelayedWorkSync(&w.delayed[0]); flushQueue(k, w) })},
	{name: "3 timers", build: asks(3, armTimer, func(*sim.K, *later) {})},
	{name: "3 timers, deleted", build: asks(3, armTimer, onAll(3, func(k *sim.K, w *later, i int) { k.TimerDeleteSync(&w.timers[i]) }))},
	{name: "2 arm one timer", build: each(2, func(k *sim.K, w *later, _ int) { armTimer(k, w, 0) }, func(k *sim.K, w *later) { k.TimerPending(&w.timers[0]) })},
	{name: "3 callbacks of one, rcu_barrier", build: asks(3, callRCU, rcuBarrier)},
	{name: "2 callbacks, rcu_barrier", build: each(2, callRCU, rcuBarrier)},
	{name: "2 threads that sleep, stopped", build: asks(2, sleeper, onAll(2, func(k *sim.K, w *later, i int) { k.KthreadStop(&w.threads[i]) }))},
	{name: "3 threads that sleep, stopped", build: asks(3, sleeper, onAll(3, func(k *sim.K, w *later, i int) { k.KthreadStop(&w.threads[i]) }))},
	{name: "3 complete, one waits for a while", build: each(3, func(k *sim.K, w *later, _ int) { k.Complete(&w.done[0]) }, func(k *sim.K, w *later) { k.WaitForCompletionTimeout(&w.done[0]) })},
	{name: "2 wait for a while, one completes", build: each(2, func(k *sim.K, w *later, _ int) { k.WaitForCompletionTimeout(&w.done[0]) }, func(k *sim.K, w *later) { k.Complete(&w.done[0]) })},
}
