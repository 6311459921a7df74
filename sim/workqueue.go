package sim

import "slices"

// Workqueue is struct workqueue_struct. Items that are queued on it run in task
// context, each some time after it was queued and before the execution ends. As
// many run at once as there are, but no item runs twice at once: one that is queued
// while it runs does so again afterwards. On an ordered workqueue one item runs at
// a time, in the order in which they were queued.
//
// An item runs in a task of its own, a child of the one that queued it first. One
// that queues itself runs a few times at any moment, and then only when nobody else
// can go on.
//
// Who flushes it waits for the items that are in flight then, as a grace period does
// for readers.
type Workqueue struct {
	crowd   // items that are queued, and items that run
	life    Life
	dep     Object // what lockdep takes the running of its items for
	ordered bool

	queue  []*work // on an ordered workqueue, the running one first
	drains int     // calls of drain_workqueue() that go on
}

// Work is struct work_struct: a function to be run in task context.
type Work struct{ s *work }

type work struct {
	deferred
	wq       *Workqueue
	since    int // flushes of wq had begun when it was queued
	disabled int // callers of cancel_work_sync()
	queued   int // how often it was queued, but for what was cancelled
	done     int // how often it has run
	flushers []workFlusher
	timer    *K // queues it when its time has come, if it is a delayed one
}

// workFlusher is a task that waits until an item has run so often.
type workFlusher struct {
	k    *K
	done int
}

var (
	opAllocWorkqueue   = NewOp("alloc_workqueue(%s)")
	opQueueWork        = NewOp("queue_work(&%s)")
	opWorkStart        = NewOp("workqueue_execute_start(&%s)")
	opWorkEnd          = NewOp("workqueue_execute_end(&%s)")
	opInitWork         = NewOp("INIT_WORK(&%s)")
	opFlushWork        = NewOp("flush_work(&%s)")
	opCancelWork       = NewOp("cancel_work(&%s)")
	opCancelWorkSync   = NewOp("cancel_work_sync(&%s)")
	opWorkPending      = NewOp("work_pending(&%s)")
	opFlushWorkqueue   = NewOp("flush_workqueue(%s)")
	opDrainWorkqueue   = NewOp("drain_workqueue(%s)")
	opDestroyWorkqueue = NewOp("destroy_workqueue(%s)")
)

// AllocWorkqueue is alloc_workqueue() for a workqueue that is not ordered. It might
// sleep. The workqueue must be destroyed by the end, unless the setup has made it.
func (k *K) AllocWorkqueue(wq *Workqueue, name string) { k.allocWorkqueue(wq, name, false) }

// AllocOrderedWorkqueue is alloc_ordered_workqueue().
func (k *K) AllocOrderedWorkqueue(wq *Workqueue, name string) { k.allocWorkqueue(wq, name, true) }

func (k *K) allocWorkqueue(wq *Workqueue, name string, ordered bool) {
	k.MightSleep(name)
	*wq = Workqueue{ordered: ordered}
	k.Born(&wq.life, name)
	wq.o.init(k, name)
	wq.o.In(&wq.life)
	wq.dep.InitLock(k, "(wq_completion)"+name)
	k.Step(opAllocWorkqueue, &wq.o, Write)
}

// SystemWQ is system_wq, on which schedule_work() queues.
func (k *K) SystemWQ() *Workqueue {
	m := k.m
	wq := &m.system
	m.own(&wq.o, m.tasks[0], 2, "events")
	m.own(&wq.dep, m.tasks[0], 3, "(wq_completion)events")
	wq.dep.class = m.lockdep.class(wq.dep.name)
	return wq
}

func (wq *Workqueue) reset() {
	*wq = Workqueue{crowd: crowd{o: wq.o}, dep: wq.dep}
}

// ScheduleWork is schedule_work(): QueueWork on the workqueue of the system.
func (k *K) ScheduleWork(w *Work) bool { return k.QueueWork(k.SystemWQ(), w) }

// InitWork is INIT_WORK(): f is what the item does. An item that is initialised
// again must not be pending.
func (k *K) InitWork(w *Work, name string, f func(k *K)) {
	if w.s != nil {
		w.s.step(k, opInitWork, Write)
		if w.s.pending {
			k.active(&w.s.deferred, "init")
		}
	}
	s := &work{}
	k.initDeferred(&s.deferred, name, "(work_completion)("+name+")")
	s.context, s.op = Task, opWorkStart
	s.caller = Frame{Func: "process_one_work", File: "sim/workqueue.go"}
	s.serve = func(k *K) {
		k.worker = s.wq
		wq, since := s.wq, s.since
		s.work(k, f, opWorkEnd, &wq.dep, &s.dep)
		k.leaveQueue(wq, s, since, true)
		if len(s.flushers) > 0 {
			k.Touch(&s.o, Write)
		}
		s.done++
		s.serveFlushers(k)
	}
	w.s = s
}

// In places the item, which has been initialised, inside an allocation: that must
// not be freed while the item is pending. It may be while the item runs.
func (w *Work) In(life *Life) { w.s.in(life) }

// of is the item behind the handle.
func (w *Work) of(k *K) *work {
	if w.s == nil {
		k.Fail(&Violation{Kind: NotInitialised, Subject: "work item used before it was initialised"})
	}
	return w.s
}

// QueueWork is queue_work(): the item will run, or run again if it is running. It
// says false if the item is pending already, or being cancelled. Any context may
// call it.
func (k *K) QueueWork(wq *Workqueue, w *Work) bool {
	s := w.of(k)
	s.step(k, opQueueWork, Write)
	if !k.noted(!s.pending && s.disabled == 0) {
		return false
	}
	s.ask(k)
	k.insert(wq, s)
	return true
}

// insert puts an item that is asked for into wq.
func (k *K) insert(wq *Workqueue, s *work) {
	s.wq = wq
	k.touchQueue(wq)
	if wq.drains > 0 && k.worker != wq {
		k.misused("workqueue: cannot queue " + s.name + " on wq " + wq.o.name)
	}
	s.since = k.comeIn(&wq.crowd)
	s.queued++
	if wq.ordered {
		wq.queue = append(wq.queue, s)
		if len(wq.queue) > 1 {
			return
		}
		k.Touch(&s.o, Write) // it begins after what has left the queue before
	}
	s.let(k)
}

// touchQueue makes wq a part of the step. That items come and go commutes while
// their order is of no consequence.
func (k *K) touchQueue(wq *Workqueue) {
	k.Touch(&wq.o, Add)
	if wq.ordered {
		k.Touch(&wq.o, Write)
	}
}

// leaveQueue takes an item that is done, or else cancelled, out of wq. Before it came
// since flushes had begun.
func (k *K) leaveQueue(wq *Workqueue, s *work, since int, done bool) {
	k.touchQueue(wq)
	k.goOut(&wq.crowd, since)
	if !wq.ordered {
		return
	}
	// It may be there twice, running and pending; what is cancelled is pending.
	i := len(wq.queue) - 1
	for wq.queue[i] != s {
		i--
	}
	if done {
		i = 0
	}
	wq.queue = slices.Delete(wq.queue, i, i+1)
	if i == 0 && len(wq.queue) > 0 {
		next := wq.queue[0]
		k.Touch(&next.o, Write)
		next.let(k)
	}
}

// release lets a flusher go on.
func (k *K) release(flusher *K) bool {
	k.wakeUp(flusher, granted)
	return true
}

// serveFlushers lets those go on that wait for what the item has done.
func (s *work) serveFlushers(k *K) {
	s.flushers = slices.DeleteFunc(s.flushers, func(f workFlusher) bool { return s.done >= f.done && k.release(f.k) })
}

// FlushWork is flush_work(): it waits until the item has run as often as it was
// queued, and says whether it had to wait. The caller must hold no lock that the
// item takes.
func (k *K) FlushWork(w *Work) bool {
	s := w.of(k)
	k.MightSleep(s.name)
	k.acquiring(&s.dep)
	return k.flushWork(s, opFlushWork)
}

func (k *K) flushWork(s *work, op Op) bool {
	s.step(k, op, Write)
	k.Touch(&s.run, Write)
	if !k.noted(s.pending && !s.delayed || s.busy) {
		return false
	}
	if s.wq.ordered {
		k.acquiring(&s.wq.dep)
	}
	s.flushers = append(s.flushers, workFlusher{k, s.queued})
	k.wake.Forbid(granted)
	k.sleep(op, &s.o, granted)
	return true
}

// WorkPending is work_pending(): the item is queued or its delay runs, and it has
// not begun to run.
func (k *K) WorkPending(w *Work) bool {
	w.of(k).step(k, opWorkPending, Read)
	return k.noted(w.s.pending)
}

// CancelWork is cancel_work(): the item is no longer pending, but may be running.
// It says whether it was pending.
func (k *K) CancelWork(w *Work) bool {
	s := w.of(k)
	s.step(k, opCancelWork, Write)
	return k.cancel(s)
}

// CancelWorkSync is cancel_work_sync(): the item is not pending and does not run,
// even if it queues itself. It waits if it runs, so the caller must hold no lock
// that the item takes. It says whether the item was pending.
func (k *K) CancelWorkSync(w *Work) bool { return k.cancelSync(w.of(k), opCancelWorkSync) }

func (k *K) cancelSync(s *work, op Op) bool {
	k.MightSleep(s.name)
	k.acquiring(&s.dep)
	s.step(k, op, Write)
	was := k.cancel(s)
	k.Touch(&s.run, Read)
	if s.busy {
		s.disabled++
		k.StepWait(op, &s.run, Read, idle)
		k.Touch(&s.o, Write)
		s.disabled--
	}
	return was
}

// cancel takes an item that is pending out of its queue.
func (k *K) cancel(s *work) bool {
	if !k.noted(s.pending) {
		return false
	}
	s.withdraw()
	if s.delayed {
		s.delayed = false
		s.o.Forbid(delay)
		return true
	}
	k.leaveQueue(s.wq, s, s.since, false)
	s.queued--
	if len(s.flushers) > 0 {
		k.Touch(&s.run, Write)
		for i := range s.flushers {
			s.flushers[i].done = min(s.flushers[i].done, s.queued)
		}
		s.serveFlushers(k)
	}
	return true
}

// FlushWorkqueue is flush_workqueue(): it waits until every item has run that was
// queued before. What is queued later, or whose delay runs, is not waited for. The
// caller must hold no lock that an item takes.
func (k *K) FlushWorkqueue(wq *Workqueue) {
	k.MightSleep(wq.o.name)
	k.acquiring(&wq.dep)
	k.Step(opFlushWorkqueue, &wq.o, Read)
	k.waitFor(opFlushWorkqueue, &wq.crowd)
}

// DrainWorkqueue is drain_workqueue(): it waits until the workqueue is empty. Only
// its own items may queue others meanwhile.
func (k *K) DrainWorkqueue(wq *Workqueue) {
	k.drain(wq, opDrainWorkqueue)
	wq.drains--
}

func (k *K) drain(wq *Workqueue, op Op) {
	k.MightSleep(wq.o.name)
	k.acquiring(&wq.dep)
	k.Step(op, &wq.o, Write)
	wq.drains++
	for wq.inside > 0 {
		k.waitFor(op, &wq.crowd)
		k.Step(op, &wq.o, Write)
	}
}

// DestroyWorkqueue is destroy_workqueue(): DrainWorkqueue, and then the workqueue
// is freed. Nobody may use it any more; that includes items whose delay runs.
func (k *K) DestroyWorkqueue(wq *Workqueue) {
	k.drain(wq, opDestroyWorkqueue)
	k.Release(&wq.life)
}
