package sim

import "slices"

// WaitQueue is wait_queue_head_t: tasks that sleep until a condition holds.
type WaitQueue struct {
	o       Object
	waiters []waiter
	wakes   wakeLog
}

// waiter is a task in a queue. Of the exclusive ones a WakeUp wakes only one.
type waiter struct {
	k         *K
	exclusive bool
}

var (
	opPrepareToWait          = NewOp("prepare_to_wait(&%s)")
	opPrepareToWaitExclusive = NewOp("prepare_to_wait_exclusive(&%s)")
	opFinishWait             = NewOp("finish_wait(&%s)")
	opWakeUp                 = NewOp("wake_up(&%s)")
	opWakeUpNr               = NewOp("wake_up_nr(&%s)")
	opWakeUpAll              = NewOp("wake_up_all(&%s)")
)

// In places the queue inside an allocation.
func (q *WaitQueue) In(life *Life) { q.o.In(life) }

// InitWaitqueueHead is init_waitqueue_head().
func (k *K) InitWaitqueueHead(q *WaitQueue, name string) {
	*q = WaitQueue{}
	q.o.init(k, name)
	q.o.content = q
	if k.m.States {
		k.m.tracking.queues = append(k.m.tracking.queues, q)
	}
}

func (q *WaitQueue) content(Mode) uint64 {
	h := uint64(0)
	for _, w := range q.waiters {
		h = mix(h, orderOf(w.k)<<1|uint64(flag(w.exclusive)))
	}
	return h
}

// PrepareToWait is prepare_to_wait() with TASK_UNINTERRUPTIBLE: from here on a
// WakeUp reaches the task, which must test its condition before it calls Schedule.
func (k *K) PrepareToWait(q *WaitQueue) {
	k.enqueue(q, opPrepareToWait, false, TaskUninterruptible)
}

// PrepareToWaitExclusive is prepare_to_wait_exclusive(): a WakeUp wakes only the
// first of the exclusive waiters that are asleep.
func (k *K) PrepareToWaitExclusive(q *WaitQueue) {
	k.enqueue(q, opPrepareToWaitExclusive, true, TaskUninterruptible)
}

func (k *K) enqueue(q *WaitQueue, op Op, exclusive bool, state TaskState) {
	k.before = append(k.before[:0], k.clock...)
	k.Step(op, &q.o, Write)
	if !k.setup {
		// It may still be in another queue, and be woken from there.
		k.Touch(&k.wake, Write)
	}
	k.setState(state)
	if i := q.index(k); i >= 0 {
		q.waiters[i].exclusive = exclusive
	} else {
		q.waiters = append(q.waiters, waiter{k, exclusive})
	}
}

func (q *WaitQueue) index(k *K) int {
	return slices.IndexFunc(q.waiters, func(w waiter) bool { return w.k == k })
}

// FinishWait is finish_wait(): the task leaves the queue and is in TaskRunning. One
// that has been woken has left the queue by that, and does not look at it again.
func (k *K) FinishWait(q *WaitQueue) {
	k.wake.name = q.o.name
	k.Step(opFinishWait, &k.wake, Write)
	if i := q.index(k); i >= 0 {
		k.Touch(&q.o, Write)
		q.waiters = slices.Delete(q.waiters, i, i+1)
	}
	k.setState(TaskRunning)
}

// WaitEvent is wait_event(): it sleeps until condition, which is tested again
// after each WakeUp, is true. If an execution ends while the task sleeps although
// the condition is true by then, that is a [LostWakeup].
func (k *K) WaitEvent(q *WaitQueue, condition func() bool) {
	_ = k.waitEvent(q, condition, opPrepareToWait, TaskUninterruptible, false)
}

// WaitEventExclusive is wait_event_exclusive(): WaitEvent as an exclusive waiter.
func (k *K) WaitEventExclusive(q *WaitQueue, condition func() bool) {
	_ = k.waitEvent(q, condition, opPrepareToWaitExclusive, TaskUninterruptible, false)
}

// WaitEventTimeout is wait_event_timeout(): WaitEvent that gives up at a moment
// that the strategy chooses. It says whether the condition has come true, where
// the kernel's returns the time that is left, or 0 if it has not.
func (k *K) WaitEventTimeout(q *WaitQueue, condition func() bool) bool {
	return k.waitEvent(q, condition, opPrepareToWait, TaskUninterruptible, true) == nil
}

// WaitEventInterruptible is wait_event_interruptible(): WaitEvent that a signal
// ends with ERESTARTSYS.
func (k *K) WaitEventInterruptible(q *WaitQueue, condition func() bool) error {
	return k.waitEvent(q, condition, opPrepareToWait, TaskInterruptible, false)
}

// waitEvent returns nil when the condition is true. Else it was ended by a signal,
// or by a timeout, for which it returns EAGAIN.
func (k *K) waitEvent(q *WaitQueue, condition func() bool, op Op, state TaskState, timeout bool) error {
	k.MightSleep(q.o.name)
	if k.m.weak != nil && condition() {
		return nil // without a barrier; under SC what the loop does shows the same
	}
	for inTime := true; ; {
		k.enqueue(q, op, op == opPrepareToWaitExclusive, state)
		signal := state == TaskInterruptible && k.signal
		var err error
		switch {
		case condition():
		case signal:
			err = ERESTARTSYS
		case !inTime:
			err = EAGAIN
		default:
			k.condition = condition
			if timeout {
				inTime = k.ScheduleTimeout(q)
			} else {
				k.Schedule(q)
			}
			k.condition = nil
			continue
		}
		k.FinishWait(q)
		return err
	}
}

// WakeUp is wake_up(): the tasks in the queue test their conditions again, all
// that are not exclusive, and the first of the others. Any context may call it.
func (k *K) WakeUp(q *WaitQueue) { k.wakeUpQueue(q, opWakeUp, 1) }

// WakeUpNr is wake_up_nr(): it wakes the first n exclusive waiters, or all if n is 0.
func (k *K) WakeUpNr(q *WaitQueue, n int) {
	if n == 0 {
		n = len(k.m.tasks)
	}
	k.wakeUpQueue(q, opWakeUpNr, n)
}

// WakeUpAll is wake_up_all(): it wakes every waiter.
func (k *K) WakeUpAll(q *WaitQueue) { k.wakeUpQueue(q, opWakeUpAll, len(k.m.tasks)) }

// wakeUpQueue wakes all in the queue that are not exclusive, and so many that are.
// Whom it wakes leaves the queue (autoremove_wake_function()): one that goes on
// waiting stands behind the others then. One that is awake already does neither
// leave nor count.
func (k *K) wakeUpQueue(q *WaitQueue, op Op, exclusive int) {
	epoch := k.clock.at(k.id)
	k.Step(op, &q.o, Write)
	q.wakes.note(k, epoch)
	stay := q.waiters[:0]
	for _, w := range q.waiters {
		if w.exclusive && exclusive == 0 {
			stay = append(stay, w)
			continue
		}
		k.Touch(&w.k.wake, Write)
		if w.k.wake.allow&(woken|expired) != 0 {
			stay = append(stay, w)
			continue
		}
		k.wakeUp(w.k, woken)
		if w.exclusive {
			exclusive--
		}
	}
	clear(q.waiters[len(stay):])
	q.waiters = stay
}
