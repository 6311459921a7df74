package explore_test

import (
	"trapline/sim"
)

// buffer is a bounded buffer of one lock and two wait queues.
type buffer struct {
	l          sim.Mutex
	some, room sim.WaitQueue
	items      sim.Cell[int]
	size       int
}

func newBuffer(m *sim.Machine, size int) *buffer {
	b := &buffer{size: size}
	s := m.Setup()
	s.MutexInit(&b.l, "buffer")
	s.InitWaitqueueHead(&b.some, "some")
	s.InitWaitqueueHead(&b.room, "room")
	b.items.Init(s, "items")
	return b
}

// change adds n items as soon as that is possible, and tells the others. The one who
// shares a queue with those who wait for the opposite must wake them all.
func (b *buffer) change(k *sim.K, n int, wait, tell *sim.WaitQueue, all bool) {
	for {
		k.PrepareToWaitExclusive(wait)
		k.MutexLock(&b.l)
		if have := b.items.Get(k) + n; have >= 0 && have <= b.size {
			k.FinishWait(wait) // before it unlocks: a signal that comes later is for others
			b.items.Set(k, have)
			k.MutexUnlock(&b.l)
			if all {
				k.WakeUpAll(tell)
			} else {
				k.WakeUp(tell)
			}
			return
		}
		k.MutexUnlock(&b.l)
		k.Schedule(wait)
	}
}

// bounded is producers and consumers of one item each. With one queue for both a signal
// can reach one of the wrong kind.
func bounded(producers, consumers, size int, oneQueue, all bool) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		b := newBuffer(m, size)
		room := &b.room
		if oneQueue {
			room = &b.some
		}
		tasks(m, producers+consumers, func(i int, k *sim.K) {
			if i < producers {
				b.change(k, 1, room, &b.some, all)
			} else {
				b.change(k, -1, &b.some, room, all)
			}
		})
	}
}

// flagAndSleep waits for a flag. It is wrong to look at the flag before one is in the
// queue, and to go to sleep without a second look.
func flagAndSleep(waiters int, wrong bool) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		var q sim.WaitQueue
		m.Setup().InitWaitqueueHead(&q, "q")
		x := words(m, 1)
		m.Go("waker", func(k *sim.K) {
			x[0].Write(k, 1)
			k.WakeUpAll(&q)
		})
		tasks(m, waiters, func(_ int, k *sim.K) {
			if wrong {
				if x[0].Read(k) == 0 {
					k.PrepareToWait(&q)
					k.Schedule(&q)
					k.FinishWait(&q)
				}
				return
			}
			k.WaitEvent(&q, func() bool { return x[0].Read(k) == 1 })
		})
	}
}

// stages is tasks in a row, each of which waits for the one before.
func stages(n int) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		done := make([]sim.Completion, n)
		for i := range done {
			m.Setup().InitCompletion(&done[i], "done")
		}
		var c sim.Cell[int]
		c.Init(m.Setup(), "passed on")
		tasks(m, n, func(i int, k *sim.K) {
			if i > 0 {
				k.WaitForCompletion(&done[i-1])
			}
			c.Set(k, c.Get(k)+1)
			k.Complete(&done[i])
		})
	}
}

// produces is producers that hand over by a completion, and consumers that take one each.
func produces(producers, consumers int) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		var c sim.Completion
		m.Setup().InitCompletion(&c, "item")
		x := words(m, 1)
		tasks(m, producers+consumers, func(i int, k *sim.K) {
			if i < producers {
				x[0].Write(k, i)
				k.Complete(&c)
				return
			}
			k.WaitForCompletion(&c)
			x[0].Read(k)
		})
	}
}

// worksAndFlush queues works, which add to a word, and waits for them. Without the flush
// the word may be read too early.
func worksAndFlush(n int, ordered, flush bool) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		s := m.Setup()
		wq := new(sim.Workqueue)
		if ordered {
			s.AllocOrderedWorkqueue(wq, "wq")
		} else {
			s.AllocWorkqueue(wq, "wq")
		}
		x := words(m, 1)
		works := make([]sim.Work, n)
		for i := range works {
			s.InitWork(&works[i], numbered.w[i], func(k *sim.K) { x[0].Write(k, x[0].Read(k)+1) })
		}
		m.Go("queuer", func(k *sim.K) {
			for i := range works {
				k.QueueWork(wq, &works[i])
			}
			if flush {
				k.FlushWorkqueue(wq)
			}
			k.BugOn(x[0].Read(k) == 0, "no work was done")
		})
	}
}

// timerGoes arms a timer whose object is freed after del_timer_sync, or only del_timer.
func timerGoes(sync bool) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		s := m.Setup()
		var l sim.Life
		s.Born(&l, "object")
		x := words(m, 1)
		x[0].In(&l)
		var timer sim.Timer
		s.TimerSetup(&timer, "timer", func(k *sim.K) { x[0].Write(k, 1) })
		m.Go("arms", func(k *sim.K) {
			k.ModTimer(&timer)
			if sync {
				k.TimerDeleteSync(&timer)
			} else {
				k.TimerDelete(&timer)
			}
			k.Kfree(&l)
		})
		m.Go("other", func(k *sim.K) { k.TimerPending(&timer) })
	}
}

// taskWorks has others give a task work to do on its way back to user mode.
func taskWorks(n int) func(m *sim.Machine) {
	return func(m *sim.Machine) {
		var p *sim.K
		x, ready := words(m, 1), words(m, 1)
		m.Go("task", func(k *sim.K) {
			p = k
			ready[0].Write(k, 1)
			k.ReturnToUser()
			x[0].Read(k)
		})
		tasks(m, n, func(i int, k *sim.K) {
			if ready[0].Read(k) == 0 {
				return
			}
			_ = k.TaskWorkAdd(p, func(k *sim.K) { x[0].Write(k, i) })
		})
	}
}

// kthreads is a thread that is told to stop.
func kthreads(m *sim.Machine) {
	x := words(m, 1)
	m.Go("main", func(k *sim.K) {
		var t sim.Kthread
		k.KthreadRun(&t, "worker", func(k *sim.K) int {
			for !k.KthreadShouldStop(&t) {
				x[0].Read(k)
			}
			return 0
		})
		x[0].Write(k, 1)
		k.KthreadStop(&t)
	})
}

var textbookSleeps = []textbook{
	{name: "bounded buffer of 1, 1 and 1", build: bounded(1, 1, 1, false, false)},
	{name: "bounded buffer of 1, 2 and 1, two queues", build: bounded(2, 1, 2, false, false)},
	{name: "bounded buffer of 1, 2 and 2, two queues", build: bounded(2, 2, 1, false, false), large: true},
	{name: "bounded buffer of 1, 1 and 1, one queue, all woken", build: bounded(1, 1, 1, true, true)},
	{name: "bounded buffer of 1, 2 and 1, one queue", build: bounded(2, 1, 1, true, false), title: "INFO: task hung"},
	{name: "bounded buffer of 1, 2 and 2, one queue", build: bounded(2, 2, 1, true, false), title: "INFO: task hung", large: true},
	{name: "a flag, 1", build: flagAndSleep(1, false)},
	{name: "a flag, 2", build: flagAndSleep(2, false)},
	{name: "a flag, 3", build: flagAndSleep(3, false)},
	{name: "a flag, looked at too early", build: flagAndSleep(1, true), title: "INFO: task hung"},
	{name: "4 stages", build: stages(4), closed: 1},
	{name: "8 stages", build: stages(8), closed: 1},
	{name: "1 completes, 1 waits", build: produces(1, 1)},
	{name: "2 complete, 2 wait", build: produces(2, 2)},
	{name: "3 complete, 2 wait", build: produces(3, 2)},
	{name: "2 works", build: worksAndFlush(2, false, true)},
	{name: "3 works", build: worksAndFlush(3, false, true)},
	{name: "3 ordered works", build: worksAndFlush(3, true, true)},
	{name: "2 works, not flushed", build: worksAndFlush(2, false, false), title: "kernel BUG"},
	{name: "a timer that goes", build: timerGoes(true)},
	{name: "a timer that is not waited for", build: timerGoes(false), title: "KASAN: slab-use-after-free"},
	{name: "task work of 1", build: taskWorks(1)},
	{name: "task work of 2", build: taskWorks(2)},
	{name: "a thread that stops", build: kthreads},
}
