package sim

import "slices"

// WaitQueue is wait_queue_head_t: tasks that sleep until a condition holds.
type WaitQueue struct {
	o       Object
	waiters []*K
}

var (
	opPrepareToWait = NewOp("prepare_to_wait(&%s)")
	opFinishWait    = NewOp("finish_wait(&%s)")
	opWakeUp        = NewOp("wake_up(&%s)")
)

// In places the queue inside an allocation.
func (q *WaitQueue) In(life *Life) { q.o.In(life) }

// InitWaitqueueHead is init_waitqueue_head().
func (k *K) InitWaitqueueHead(q *WaitQueue, name string) {
	q.o.init(k, name)
	q.waiters = nil
}

// PrepareToWait is prepare_to_wait(): from here on a WakeUp reaches the task,
// which must test its condition before it calls Schedule.
func (k *K) PrepareToWait(q *WaitQueue) {
	k.Step(opPrepareToWait, &q.o, Write)
	if !k.setup {
		// It may still be in another queue, and be woken from there.
		k.Touch(&k.wake, Write)
	}
	k.wake.Forbid(woken)
	if !slices.Contains(q.waiters, k) {
		q.waiters = append(q.waiters, k)
	}
}

// Schedule is schedule() after PrepareToWait: it sleeps until a WakeUp has come
// since.
func (k *K) Schedule(q *WaitQueue) {
	k.MightSleep(q.o.name)
	k.sleep(opSleep, &q.o, woken)
}

// FinishWait is finish_wait(): the task leaves the queue.
func (k *K) FinishWait(q *WaitQueue) {
	k.Step(opFinishWait, &q.o, Write)
	if i := slices.Index(q.waiters, k); i >= 0 {
		q.waiters = slices.Delete(q.waiters, i, i+1)
	}
}

// WaitEvent is wait_event(): it sleeps until condition, which is tested again
// after each WakeUp, is true.
func (k *K) WaitEvent(q *WaitQueue, condition func() bool) {
	k.MightSleep(q.o.name)
	for {
		k.PrepareToWait(q)
		if condition() {
			break
		}
		k.Schedule(q)
	}
	k.FinishWait(q)
}

// WakeUp is wake_up() of a queue whose waiters are not exclusive: every task in
// it tests its condition again. Any context may call it.
func (k *K) WakeUp(q *WaitQueue) {
	k.Step(opWakeUp, &q.o, Write)
	for _, w := range q.waiters {
		k.wakeUp(w, woken)
	}
}
