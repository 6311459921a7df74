package sim

// RCUHead is struct rcu_head: it lies in an object and queues it for a callback
// after a grace period.
type RCUHead struct {
	o      Object
	f      func(k *K)
	since  int
	queued bool
}

// Init names the head, as init_rcu_head() does.
func (h *RCUHead) Init(k *K, name string) {
	*h = RCUHead{}
	h.o.init(k, name)
}

// In places the head inside an allocation.
func (h *RCUHead) In(life *Life) { h.o.In(life) }

// callbacks are those of a flavour or a domain that are still to come. They are a
// crowd that the barriers wait for.
type callbacks struct {
	crowd
	queues []*rcuQueue
}

func (c *callbacks) reset() {
	c.crowd.reset()
	c.queues = nil
}

// rcuQueue is what one CPU, which is a task here, has queued. Its callbacks are
// invoked one by one, in the order in which they came: those that are queued when
// a grace period begins, after it, and the next grace period begins when that is
// done.
type rcuQueue struct {
	o      Object
	cpu    *K
	runner *K // invokes them, nil if there are none
	heads  []*RCUHead
}

// updates are the readers that callbacks wait for, and the context in which they
// run.
type updates struct {
	f         flavour // flavours for none
	readers   *crowd
	callbacks *callbacks
	ctx       Context
}

func (k *K) updates(f flavour, ctx Context) updates {
	c := k.m.flavour(f)
	return updates{f, &c.readers, &c.callbacks, ctx}
}

var (
	opCallRCU             = NewOp("call_rcu(&%s)")
	opCallRCUSched        = NewOp("call_rcu_sched(&%s)")
	opCallRCUBH           = NewOp("call_rcu_bh(&%s)")
	opCallRCUTasks        = NewOp("call_rcu_tasks(&%s)")
	opCallRCUTasksRude    = NewOp("call_rcu_tasks_rude(&%s)")
	opCallRCUTasksTrace   = NewOp("call_rcu_tasks_trace(&%s)")
	opKfreeRCU            = NewOp("kfree_rcu(&%s)")
	opRCUBarrier          = NewOp("rcu_barrier()")
	opRCUBarrierSched     = NewOp("rcu_barrier_sched()")
	opRCUBarrierBH        = NewOp("rcu_barrier_bh()")
	opRCUBarrierTasks     = NewOp("rcu_barrier_tasks()")
	opRCUBarrierTasksRude = NewOp("rcu_barrier_tasks_rude()")
	opRCUBarrierTasksTr   = NewOp("rcu_barrier_tasks_trace()")
	opGPInit              = NewOp("rcu_gp_init(%s)")
	opRCUInvoke           = NewOp("rcu_do_batch(&%s)")
	opRCUInvoked          = NewOp("rcu_do_batch() done")
)

// CallRCU is call_rcu(): it queues h, and f is called in a softirq when all have
// left who were readers when a grace period began, which is some time after the
// call. Any context may call it. An execution does not end before its callbacks.
func (k *K) CallRCU(h *RCUHead, f func(k *K)) {
	k.callBack(opCallRCU, k.updates(flavourRCU, SoftIRQ), h, f)
}

// CallRCUSched is call_rcu_sched().
func (k *K) CallRCUSched(h *RCUHead, f func(k *K)) {
	k.callBack(opCallRCUSched, k.updates(flavourSched, SoftIRQ), h, f)
}

// CallRCUBH is call_rcu_bh().
func (k *K) CallRCUBH(h *RCUHead, f func(k *K)) {
	k.callBack(opCallRCUBH, k.updates(flavourBH, SoftIRQ), h, f)
}

// CallRCUTasks is call_rcu_tasks(). Callbacks of RCU Tasks run in a thread and may
// sleep.
func (k *K) CallRCUTasks(h *RCUHead, f func(k *K)) {
	k.callBack(opCallRCUTasks, k.updates(flavourTasks, Task), h, f)
}

// CallRCUTasksRude is call_rcu_tasks_rude().
func (k *K) CallRCUTasksRude(h *RCUHead, f func(k *K)) {
	k.callBack(opCallRCUTasksRude, k.updates(flavourRude, Task), h, f)
}

// CallRCUTasksTrace is call_rcu_tasks_trace().
func (k *K) CallRCUTasksTrace(h *RCUHead, f func(k *K)) {
	k.callBack(opCallRCUTasksTrace, k.updates(flavourTrace, Task), h, f)
}

// KfreeRCU is kfree_rcu(): it ends the life of an object after a grace period. The
// head lies in the object. Barriers wait for it as for other callbacks.
func (k *K) KfreeRCU(h *RCUHead, l *Life) {
	k.callBack(opKfreeRCU, k.updates(flavourRCU, SoftIRQ), h, func(k *K) { k.Kfree(l) })
}

// RCUBarrier is rcu_barrier(): it sleeps until the callbacks have been called that
// were queued before, by whomever. It does not wait for readers: without callbacks
// it returns at once.
func (k *K) RCUBarrier() { k.callbackBarrier(opRCUBarrier, &k.m.flavour(flavourRCU).callbacks) }

// RCUBarrierSched is rcu_barrier_sched().
func (k *K) RCUBarrierSched() {
	k.callbackBarrier(opRCUBarrierSched, &k.m.flavour(flavourSched).callbacks)
}

// RCUBarrierBH is rcu_barrier_bh().
func (k *K) RCUBarrierBH() { k.callbackBarrier(opRCUBarrierBH, &k.m.flavour(flavourBH).callbacks) }

// RCUBarrierTasks is rcu_barrier_tasks().
func (k *K) RCUBarrierTasks() {
	k.callbackBarrier(opRCUBarrierTasks, &k.m.flavour(flavourTasks).callbacks)
}

// RCUBarrierTasksRude is rcu_barrier_tasks_rude().
func (k *K) RCUBarrierTasksRude() {
	k.callbackBarrier(opRCUBarrierTasksRude, &k.m.flavour(flavourRude).callbacks)
}

// RCUBarrierTasksTrace is rcu_barrier_tasks_trace().
func (k *K) RCUBarrierTasksTrace() {
	k.callbackBarrier(opRCUBarrierTasksTr, &k.m.flavour(flavourTrace).callbacks)
}

// callBack queues h for f.
func (k *K) callBack(op Op, u updates, h *RCUHead, f func(k *K)) {
	k.Step(op, &h.o, Write)
	if h.queued {
		k.Fail(&Violation{Kind: RCUHeadTwice, Subject: h.o.name, asked: &h.o, write: (*splat).queuedTwice})
	}
	if k.setup {
		f(k) // there are no readers
		return
	}
	h.queued, h.f = true, f
	h.since = k.comeIn(&u.callbacks.crowd)
	q := u.callbacks.queue(k)
	k.Touch(&q.o, Write)
	q.heads = append(q.heads, h)
	if q.runner == nil {
		q.runner = k // not nil, should it come to a step before spawn returns
		q.runner = k.m.spawn(k, "rcu", false, Task, func(k *K) { q.invoke(k, u) })
	}
}

// queue is the one that k queues its callbacks in. A callback queues in the one
// that it has come from.
func (c *callbacks) queue(k *K) *rcuQueue {
	for _, q := range c.queues {
		if q.cpu == k || q.runner == k {
			return q
		}
	}
	q := &rcuQueue{cpu: k}
	q.o.init(k, "the callbacks of "+k.name)
	c.queues = append(c.queues, q)
	return q
}

// invoke is the thread that waits for grace periods and calls back.
func (q *rcuQueue) invoke(k *K, u updates) {
	for {
		k.beginWait(opGPInit, u.f, u.readers)
		k.Touch(&q.o, Write)
		batch := q.heads
		q.heads = nil
		k.waitFor(opGPInit, u.readers)
		for i, h := range batch {
			k.ctx = u.ctx
			k.Step(opRCUInvoke, &h.o, Write)
			if u.ctx == SoftIRQ {
				k.handles(1)
			}
			h.queued = false
			since := h.since // the callback may queue the head again
			h.f(k)
			k.ctx = Task
			k.Step(opRCUInvoked, &u.callbacks.o, Add)
			if u.ctx == SoftIRQ {
				k.handles(-1)
			}
			k.leaveSections()
			k.goOut(&u.callbacks.crowd, since)
			if i == len(batch)-1 {
				k.Touch(&q.o, Write)
			}
		}
		if len(q.heads) == 0 {
			q.runner = nil
			return
		}
	}
}

// callbackBarrier waits for the callbacks that are queued.
func (k *K) callbackBarrier(op Op, c *callbacks) {
	k.MightSleep(op.String())
	k.Step(op, &c.o, Read)
	k.waitFor(op, &c.crowd)
}
