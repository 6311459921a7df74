package sim

// DelayedWork is struct delayed_work: a work item that is queued some time after
// it was asked for. There is no clock, so its delay may end at any later moment.
type DelayedWork struct{ w Work }

// delay is the way of a delayed item whose delay may end.
const delay Wait = 2

var (
	opQueueDelayedWork      = NewOp("queue_delayed_work(&%s)")
	opModDelayedWork        = NewOp("mod_delayed_work(&%s)")
	opDelayedWorkTimer      = NewOp("delayed_work_timer_fn(&%s)")
	opFlushDelayedWork      = NewOp("flush_delayed_work(&%s)")
	opCancelDelayedWork     = NewOp("cancel_delayed_work(&%s)")
	opCancelDelayedWorkSync = NewOp("cancel_delayed_work_sync(&%s)")
)

// InitDelayedWork is INIT_DELAYED_WORK(), see [K.InitWork].
func (k *K) InitDelayedWork(w *DelayedWork, name string, f func(k *K)) { k.InitWork(&w.w, name, f) }

// In places the item, which has been initialised, inside an allocation, see
// [Work.In].
func (w *DelayedWork) In(life *Life) { w.w.In(life) }

// QueueDelayedWork is queue_delayed_work(): the item will be queued. It says false
// if it is pending already, in the queue or with its delay running, or is being
// cancelled. Any context may call it.
func (k *K) QueueDelayedWork(wq *Workqueue, w *DelayedWork) bool {
	s := w.w.of(k)
	s.step(k, opQueueDelayedWork, Write)
	if !k.noted(!s.pending && s.disabled == 0) {
		return false
	}
	k.putOff(wq, s)
	return true
}

// ModDelayedWork is mod_delayed_work(): the delay begins anew, also if the item is
// in the queue already. It says whether the item was pending.
func (k *K) ModDelayedWork(wq *Workqueue, w *DelayedWork) bool {
	s := w.w.of(k)
	s.step(k, opModDelayedWork, Write)
	was := k.cancel(s)
	if s.disabled == 0 {
		k.putOff(wq, s)
	}
	return was
}

// putOff begins the delay of an item.
func (k *K) putOff(wq *Workqueue, s *work) {
	s.ask(k)
	s.wq, s.delayed = wq, true
	s.o.Allow(delay)
	if s.timer == nil {
		s.timer = k.m.spawn(k, s.name+"-timer", true, SoftIRQ, func(k *K) {
			k.late = true
			for {
				k.StepWait(opDelayedWorkTimer, &s.o, Write, delay)
				k.undelay(s)
			}
		})
	}
}

// undelay queues an item whose delay is over.
func (k *K) undelay(s *work) {
	s.inside(k)
	s.delayed = false
	s.o.Forbid(delay)
	k.insert(s.wq, s)
}

// FlushDelayedWork is flush_delayed_work(): if the delay runs it ends at once, and
// then it is FlushWork.
func (k *K) FlushDelayedWork(w *DelayedWork) bool {
	s := w.w.of(k)
	k.MightSleep(s.name)
	k.acquiring(&s.dep)
	s.step(k, opFlushDelayedWork, Write)
	if s.delayed {
		k.undelay(s)
	}
	return k.flushWork(s, opFlushDelayedWork)
}

// CancelDelayedWork is cancel_delayed_work(): the item is no longer pending, but
// may be running. It says whether it was pending.
func (k *K) CancelDelayedWork(w *DelayedWork) bool {
	s := w.w.of(k)
	s.step(k, opCancelDelayedWork, Write)
	return k.cancel(s)
}

// CancelDelayedWorkSync is cancel_delayed_work_sync(), see [K.CancelWorkSync].
func (k *K) CancelDelayedWorkSync(w *DelayedWork) bool {
	return k.cancelSync(w.w.of(k), opCancelDelayedWorkSync)
}
