package sim_test

import (
	"testing"

	"trapline/sim"
)

// countsWork makes the item count in seen[0], under no lock.
func countsWork(k *sim.K, w *deferredWorld) {
	k.InitWork(&w.work, "work", func(k *sim.K) { w.x.Xchg(k, 1); w.seen[0]++ })
	k.InitWork(&w.second, "second", func(k *sim.K) { w.x.Xchg(k, 2); w.seen[1] = w.seen[0] + 1 })
}

func delays(k *sim.K, w *deferredWorld) {
	k.InitDelayedWork(&w.delayed, "delayed", func(k *sim.K) { w.x.Xchg(k, 1); w.seen[0]++ })
}

func queue(k *sim.K, w *deferredWorld) { k.QueueWork(&w.wq, &w.work) }

func workInLife(k *sim.K, w *deferredWorld) {
	k.InitWork(&w.work, "work", func(k *sim.K) { w.in.Read(k) })
	w.work.In(&w.life)
}

func freeWork(k *sim.K, w *deferredWorld) { k.Kfree(&w.life) }

func flushSelf(k *sim.K, w *deferredWorld) { k.FlushWork(&w.work) }

func takesMutex(k *sim.K, w *deferredWorld) {
	k.InitWork(&w.work, "work", func(k *sim.K) { workFn(k, w) })
}

func workFn(k *sim.K, w *deferredWorld) { k.MutexLock(&w.a); k.MutexUnlock(&w.a) }

func holding(f deferredTask) deferredTask {
	return func(k *sim.K, w *deferredWorld) {
		queue(k, w)
		k.MutexLock(&w.a)
		f(k, w)
		k.MutexUnlock(&w.a)
	}
}

func flush(k *sim.K, w *deferredWorld)      { k.FlushWork(&w.work) }
func flushAll(k *sim.K, w *deferredWorld)   { k.FlushWorkqueue(&w.wq) }
func cancelSync(k *sim.K, w *deferredWorld) { k.CancelWorkSync(&w.work) }

func then(fs ...deferredTask) deferredTask {
	return func(k *sim.K, w *deferredWorld) {
		for _, f := range fs {
			f(k, w)
		}
	}
}

// look keeps what the item has done so far.
func look(k *sim.K, w *deferredWorld) { w.x.Read(k); w.seen[2] = w.seen[0] }

func TestWorkqueues(t *testing.T) {
	ordered := func(k *sim.K, w *deferredWorld) {
		k.QueueWork(&w.ordered, &w.work)
		k.QueueWork(&w.ordered, &w.second)
	}
	tryDeferred(t, []deferredCase{
		{"queued", nil, []string{"1 0 0"}, countsWork, []deferredTask{queue}},
		{"scheduled", nil, []string{"1 0 1"}, countsWork, []deferredTask{func(k *sim.K, w *deferredWorld) {
			k.ScheduleWork(&w.work)
			k.FlushWorkqueue(k.SystemWQ())
			look(k, w)
		}}},
		{"flushed on the system's workqueue under its lock", []string{"lock-order: possible deadlock in test_workqueues", "lock-order: possible deadlock in work_fn"}, nil, takesMutex, []deferredTask{func(k *sim.K, w *deferredWorld) {
			k.ScheduleWork(&w.work)
			k.MutexLock(&w.a)
			k.FlushWorkqueue(k.SystemWQ())
			k.MutexUnlock(&w.a)
		}}},
		{"queued twice", nil, []string{"1 0 0", "2 0 0"}, countsWork, []deferredTask{then(queue, queue)}},
		{"queued by two", nil, []string{"1 0 0", "2 0 0"}, countsWork, []deferredTask{queue, queue}},
		{"two items", nil, []string{"1 1 0", "1 2 0"}, countsWork, []deferredTask{queue, func(k *sim.K, w *deferredWorld) { k.QueueWork(&w.wq, &w.second) }}},
		{"two items in order", nil, []string{"1 2 0"}, countsWork, []deferredTask{ordered}},
		{"two items in order, the first cancelled", nil, []string{"0 1 2", "1 2 1"}, countsWork, []deferredTask{then(ordered, func(k *sim.K, w *deferredWorld) {
			note(w, 2, k.CancelWorkSync(&w.work))
		})}},
		{"flushed", nil, []string{"1 0 1"}, countsWork, []deferredTask{then(queue, flush, look)}},
		{"all flushed", nil, []string{"1 0 1"}, countsWork, []deferredTask{then(queue, flushAll, look)}},
		{"another's flushed", nil, []string{"1 0 0", "1 0 1"}, countsWork, []deferredTask{then(flush, look), queue}},
		{"cancelled", nil, []string{"0 0 2", "1 0 1"}, countsWork, []deferredTask{then(queue, func(k *sim.K, w *deferredWorld) { note(w, 2, k.CancelWorkSync(&w.work)) })}},
		{"pending", nil, []string{"1 0 1", "1 0 2"}, countsWork, []deferredTask{then(queue, func(k *sim.K, w *deferredWorld) { note(w, 2, k.WorkPending(&w.work)) })}},
		{"freed after cancel_work_sync", nil, []string{"0 0 0"}, workInLife, []deferredTask{then(queue, cancelSync, freeWork)}},
		{"freed after flush_work", nil, []string{"0 0 0"}, workInLife, []deferredTask{then(queue, flush, freeWork)}},
		{"freed after cancel_work", []string{"use-after-free: KASAN: slab-use-after-free Read in work_in_life"}, nil, workInLife, []deferredTask{then(queue, func(k *sim.K, w *deferredWorld) { k.CancelWork(&w.work) }, freeWork)}},
		{"freed while queued", []string{"active-object: WARNING: ODEBUG bug in free_work", "use-after-free: KASAN: slab-use-after-free Read in work_in_life"}, nil, workInLife, []deferredTask{then(queue, freeWork)}},
		{"freed by itself", nil, []string{"0 0 0"}, func(k *sim.K, w *deferredWorld) {
			k.InitWork(&w.work, "work", func(k *sim.K) { k.Kfree(&w.life) })
			w.work.In(&w.life)
		}, []deferredTask{queue}},
		{"initialised while queued", []string{"active-object: WARNING: ODEBUG bug in counts_work"}, nil, countsWork, []deferredTask{then(queue, countsWork)}},
		{"flushed by itself", []string{"recursive-lock: possible deadlock in flush_self"}, nil, func(k *sim.K, w *deferredWorld) {
			k.InitWork(&w.work, "work", func(k *sim.K) { flushSelf(k, w) })
		}, []deferredTask{queue}},
		{"its workqueue flushed by itself", []string{"recursive-lock: possible deadlock in flush_all"}, nil, func(k *sim.K, w *deferredWorld) {
			k.InitWork(&w.work, "work", func(k *sim.K) { flushAll(k, w) })
		}, []deferredTask{queue}},
		{"flushed under its lock", []string{"lock-order: possible deadlock in flush", "lock-order: possible deadlock in work_fn"}, nil, takesMutex, []deferredTask{holding(flush)}},
		{"all flushed under its lock", []string{"lock-order: possible deadlock in flush_all", "lock-order: possible deadlock in work_fn"}, nil, takesMutex, []deferredTask{holding(flushAll)}},
		{"cancelled under its lock", []string{"lock-order: possible deadlock in cancel_sync", "lock-order: possible deadlock in work_fn"}, nil, takesMutex, []deferredTask{holding(cancelSync)}},
		{"flushed under another lock", nil, []string{"1 0 0"}, countsWork, []deferredTask{holding(flush)}},
		{"flushed in a timer", []string{"sleep-in-atomic: BUG: sleeping function called from invalid context in flush"}, nil, func(k *sim.K, w *deferredWorld) {
			countsWork(k, w)
			k.TimerSetup(&w.timer, "tick", func(k *sim.K) { flush(k, w) })
		}, []deferredTask{arm}},
		{"queued by a timer", nil, []string{"1 0 0"}, func(k *sim.K, w *deferredWorld) {
			countsWork(k, w)
			k.TimerSetup(&w.timer, "tick", func(k *sim.K) { queue(k, w) })
		}, []deferredTask{arm}},
		{"queues itself", nil, []string{"4 0 0"}, func(k *sim.K, w *deferredWorld) {
			k.InitWork(&w.work, "work", func(k *sim.K) { w.x.Xchg(k, 1); w.seen[0]++; queue(k, w) })
		}, []deferredTask{queue}},
		{"queues itself until it is cancelled", nil, []string{"0 0 0", "1 0 0", "2 0 0", "3 0 0"}, func(k *sim.K, w *deferredWorld) {
			k.InitWork(&w.work, "work", func(k *sim.K) { w.x.Xchg(k, 1); w.seen[0]++; queue(k, w) })
		}, []deferredTask{then(queue, cancelSync)}},
		{"leaves a lock behind", []string{"held-at-exit: BUG: still has locks held in test_workqueues"}, nil, func(k *sim.K, w *deferredWorld) {
			k.InitWork(&w.work, "work", func(k *sim.K) { k.MutexLock(&w.a) })
		}, []deferredTask{queue}},
		{"not initialised", []string{"not-initialised: INFO: trying to register non-static key in queue"}, nil, nil, []deferredTask{queue}},
	})
}

// What two items of a work queue do is not ordered; what one does is before what it
// does the next time, and before what a flush lets go on.
func TestWorkItemsDoNotOverlapThemselves(t *testing.T) {
	sets := func(work func(w *deferredWorld) *sim.Work) deferredTask {
		return func(k *sim.K, w *deferredWorld) {
			k.InitWork(work(w), "work", func(k *sim.K) { w.y.Read(k); setData(k, w) })
		}
	}
	one := func(w *deferredWorld) *sim.Work { return &w.work }
	two := func(w *deferredWorld) *sim.Work { return &w.second }
	both := func(k *sim.K, w *deferredWorld) { k.QueueWork(&w.wq, &w.work); k.QueueWork(&w.wq, &w.second) }
	tryDeferred(t, []deferredCase{
		{"one item twice", nil, []string{"0 0 0"}, sets(one), []deferredTask{queue, queue}},
		{"two items", []string{"data-race: KCSAN: data-race in set_data"}, nil, then(sets(one), sets(two)), []deferredTask{both}},
		{"two items in order", nil, []string{"0 0 0"}, then(sets(one), sets(two)), []deferredTask{func(k *sim.K, w *deferredWorld) {
			k.QueueWork(&w.ordered, &w.work)
			k.QueueWork(&w.ordered, &w.second)
		}}},
		{"an item and who has flushed it", nil, []string{"0 0 0"}, sets(one), []deferredTask{then(queue, flush, setData)}},
		{"an item and who has cancelled it", nil, []string{"0 0 0"}, sets(one), []deferredTask{then(queue, cancelSync, setData)}},
		{"an item and who has flushed all", nil, []string{"0 0 0"}, sets(one), []deferredTask{then(queue, flushAll, setData)}},
		{"an item and who has queued it", []string{"data-race: KCSAN: data-race in set_data"}, nil, sets(one), []deferredTask{then(queue, setData)}},
		{"an item and what was before", nil, []string{"0 0 0"}, sets(one), []deferredTask{then(setData, queue)}},
	})
}

func setData(k *sim.K, w *deferredWorld) { w.data.Set(k, 1) }

func TestDelayedWork(t *testing.T) {
	put := func(k *sim.K, w *deferredWorld) { k.QueueDelayedWork(&w.wq, &w.delayed) }
	inLife := func(k *sim.K, w *deferredWorld) {
		k.InitDelayedWork(&w.delayed, "delayed", func(k *sim.K) { w.in.Read(k) })
		w.delayed.In(&w.life)
	}
	ownQueue := func(k *sim.K, w *deferredWorld) {
		delays(k, w)
		k.AllocWorkqueue(&w.wq, "own")
	}
	tryDeferred(t, []deferredCase{
		{"queued", nil, []string{"1 0 0"}, delays, []deferredTask{put}},
		{"not flushed with its workqueue", nil, []string{"1 0 0", "1 0 1"}, delays, []deferredTask{then(put, flushAll, look)}},
		{"flushed", nil, []string{"1 0 1"}, delays, []deferredTask{then(put, func(k *sim.K, w *deferredWorld) { k.FlushDelayedWork(&w.delayed) }, look)}},
		{"delayed anew", nil, []string{"1 0 2", "2 0 1"}, delays, []deferredTask{then(put, func(k *sim.K, w *deferredWorld) { note(w, 2, k.ModDelayedWork(&w.wq, &w.delayed)) })}},
		{"cancelled", nil, []string{"0 0 2", "1 0 1"}, delays, []deferredTask{then(put, func(k *sim.K, w *deferredWorld) { note(w, 2, k.CancelDelayedWork(&w.delayed)) })}},
		{"freed after cancel_delayed_work_sync", nil, []string{"0 0 0"}, inLife, []deferredTask{then(put, func(k *sim.K, w *deferredWorld) { k.CancelDelayedWorkSync(&w.delayed) }, freeWork)}},
		{"freed after cancel_delayed_work", []string{"use-after-free: KASAN: slab-use-after-free Read in test_delayed_work"}, nil, inLife, []deferredTask{then(put, func(k *sim.K, w *deferredWorld) { k.CancelDelayedWork(&w.delayed) }, freeWork)}},
		{"freed while it is delayed", []string{"active-object: WARNING: ODEBUG bug in free_work", "use-after-free: KASAN: slab-use-after-free Read in test_delayed_work"}, nil, inLife, []deferredTask{then(put, freeWork)}},
		{"its workqueue destroyed", []string{"use-after-free: KASAN: slab-use-after-free Write in t0/delayed-timer"}, nil, ownQueue, []deferredTask{then(put, func(k *sim.K, w *deferredWorld) { k.DestroyWorkqueue(&w.wq) })}},
		{"cancelled before its workqueue is destroyed", nil, []string{"0 0 0", "1 0 0"}, ownQueue, []deferredTask{then(put, func(k *sim.K, w *deferredWorld) {
			k.CancelDelayedWorkSync(&w.delayed)
			k.DestroyWorkqueue(&w.wq)
		})}},
	})
}

func TestDrainWorkqueue(t *testing.T) {
	chain := func(k *sim.K, w *deferredWorld) {
		countsWork(k, w)
		k.InitWork(&w.work, "work", func(k *sim.K) { w.seen[0]++; k.QueueWork(&w.wq, &w.second) })
	}
	drain := func(k *sim.K, w *deferredWorld) { k.DrainWorkqueue(&w.wq) }
	tryDeferred(t, []deferredCase{
		{"with what its items queue", nil, []string{"1 2 2"}, chain, []deferredTask{then(queue, drain, lookAtSecond)}},
		{"flushed without what its items queue", nil, []string{"1 2 0", "1 2 2"}, chain, []deferredTask{then(queue, flushAll, lookAtSecond)}},
		{"queued by another meanwhile", []string{"misuse: WARNING in other_queues"}, nil, chain, []deferredTask{then(queue, drain), otherQueues}},
		{"made and not destroyed", []string{"leak: memory leak in make_queue"}, nil, nil, []deferredTask{makeQueue}},
		{"made and destroyed", nil, []string{"0 0 0"}, nil, []deferredTask{then(makeQueue, func(k *sim.K, w *deferredWorld) { k.DestroyWorkqueue(&w.wq) })}},
	})
}

// lookAtSecond keeps what the second item has done so far.
func lookAtSecond(k *sim.K, w *deferredWorld) { w.x.Read(k); w.seen[2] = w.seen[1] }

func otherQueues(k *sim.K, w *deferredWorld) { k.QueueWork(&w.wq, &w.second) }

func makeQueue(k *sim.K, w *deferredWorld) { k.AllocWorkqueue(&w.wq, "made") }

// Items of one workqueue that have nothing to do with each other are not ordered
// against each other.
func TestIndependentWorkItems(t *testing.T) {
	p := deferredProgram(func(k *sim.K, w *deferredWorld) {
		k.InitWork(&w.work, "work", func(k *sim.K) { w.x.Xchg(k, 1) })
		k.InitWork(&w.second, "second", func(k *sim.K) { w.y.Xchg(k, 1) })
	}, nil, queue, otherQueues)
	if r := search(t, p); r.Executions != 1 || r.Blocked != 0 {
		t.Errorf("%s, want one execution", r.Coverage())
	}
}
