package explore_test

import "trapline/sim"

func (w *everything) everyWord(k *sim.K, a act) bool {
	x, c := &w.x[a.which], &w.a[a.which]
	switch a.verb {
	case "read":
		w.saw(k, x.Read(k))
	case "write":
		x.Write(k, a.value)
	case "xchg":
		w.saw(k, x.Xchg(k, a.value))
	case "cmpxchg":
		w.saw(k, x.Cmpxchg(k, 0, a.value))
	case "inc":
		c.Inc(k)
	case "inc_return":
		w.saw(k, int(c.IncReturn(k)))
	case "dec_and_test":
		w.sawBool(k, c.DecAndTest(k))
	case "add_unless":
		w.sawBool(k, c.AddUnless(k, 2, 0))
	case "set":
		c.Set(k, int32(a.value))
	case "atomic_read":
		w.saw(k, int(c.Read(k)))
	case "spin_read":
		for x.Read(k) == 0 {
		}
	case "spin_two":
		for x.Read(k) == 0 && w.x[1-a.which].Read(k) == 0 {
		}
	case "spin_cmpxchg":
		for x.Cmpxchg(k, 0, 1) != 0 {
		}
		x.Write(k, 0)
	case "spin_some":
		for i := 0; i < 2 && x.Read(k) == 0; i++ {
		}
	case "spin_atomic":
		for c.Read(k) == 0 {
		}
	case "await":
		w.saw(k, x.CondLoadAcquire(k, func(v int) bool { return v > 0 }))
	case "await_atomic":
		w.saw(k, int(c.CondReadAcquire(k, func(v int32) bool { return v >= 1 })))
	case "get":
		w.saw(k, w.cell.Get(k))
	case "set_cell":
		w.cell.Set(k, a.value)
	case "bitfield":
		w.field.Set(k, sim.Bits{Shift: 4 * a.which, Width: 4}, 3)
	case "set_bit":
		k.SetBit(a.which, &w.flags)
	case "test_and_set_bit":
		w.sawBool(k, k.TestAndSetBit(a.which, &w.flags))
	case "test_bit":
		w.sawBool(k, k.TestBit(a.which, &w.flags))
	case "clear_bit":
		k.ClearBit(a.which, &w.flags)
	case "set_bit_plain":
		k.SetBitNonatomic(2, &w.flags)
	case "this_cpu_inc":
		w.hits.Inc(k)
	case "this_cpu_read":
		w.saw(k, w.hits.Read(k))
	case "slot_get":
		w.saw(k, w.hits.Ptr(a.which).Get(k))
	case "sum":
		w.saw(k, w.hits.Ptr(0).ReadOnce(k)+w.hits.Ptr(1).ReadOnce(k))
	case "ref_inc":
		k.RefcountInc(&w.refs)
	case "ref_put":
		w.sawBool(k, k.RefcountDecAndTest(&w.refs))
	case "ref_inc_not_zero":
		w.sawBool(k, k.RefcountIncNotZero(&w.refs))
	case "ref_read":
		w.saw(k, int(k.RefcountRead(&w.refs)))
	default:
		return false
	}
	return true
}

func (w *everything) everyLock(k *sim.K, a act, body func(k *sim.K)) bool {
	switch a.verb {
	case "cell":
		k.MutexLock(&w.mutex[0])
		w.cell.Set(k, w.cell.Get(k)+1)
		k.MutexUnlock(&w.mutex[0])
	case "mutex":
		k.MutexLock(&w.mutex[a.which])
		body(k)
		k.MutexUnlock(&w.mutex[a.which])
	case "mutex_try":
		if w.sawBool(k, k.MutexTrylock(&w.mutex[a.which])) {
			body(k)
			k.MutexUnlock(&w.mutex[a.which])
		}
	case "locked":
		w.sawBool(k, k.MutexIsLocked(&w.mutex[a.which]))
	case "spin":
		k.SpinLock(&w.spin)
		body(k)
		k.SpinUnlock(&w.spin)
	case "spin_irq":
		flags := k.SpinLockIRQSave(&w.spin)
		body(k)
		k.SpinUnlockIRQRestore(&w.spin, flags)
	case "spin_bh":
		k.SpinLockBH(&w.spin)
		body(k)
		k.SpinUnlockBH(&w.spin)
	case "spin_try":
		if w.sawBool(k, k.SpinTrylock(&w.spin)) {
			body(k)
			k.SpinUnlock(&w.spin)
		}
	case "rw_read":
		flags := k.ReadLockIRQSave(&w.rw)
		body(k)
		k.ReadUnlockIRQRestore(&w.rw, flags)
	case "rw_write":
		flags := k.WriteLockIRQSave(&w.rw)
		body(k)
		k.WriteUnlockIRQRestore(&w.rw, flags)
	case "rw_try":
		if w.sawBool(k, k.WriteTrylock(&w.rw)) {
			k.WriteUnlock(&w.rw)
		}
	case "down_read":
		k.DownRead(&w.rwsem)
		body(k)
		k.UpRead(&w.rwsem)
	case "down_write":
		k.DownWrite(&w.rwsem)
		body(k)
		k.UpWrite(&w.rwsem)
	case "down_try":
		if w.sawBool(k, k.DownReadTrylock(&w.rwsem)) {
			body(k)
			k.UpRead(&w.rwsem)
		}
	case "down_write_try":
		if w.sawBool(k, k.DownWriteTrylock(&w.rwsem)) {
			k.UpWrite(&w.rwsem)
		}
	case "downgrade":
		k.DownWrite(&w.rwsem)
		k.DowngradeWrite(&w.rwsem)
		k.UpRead(&w.rwsem)
	case "percpu_read":
		k.PercpuDownRead(&w.percpu)
		body(k)
		k.PercpuUpRead(&w.percpu)
	case "percpu_write":
		k.PercpuDownWrite(&w.percpu)
		body(k)
		k.PercpuUpWrite(&w.percpu)
	case "percpu_try":
		if w.sawBool(k, k.PercpuDownReadTrylock(&w.percpu)) {
			k.PercpuUpRead(&w.percpu)
		}
	case "seq_read":
		for {
			seq := k.ReadSeqbegin(&w.seq)
			v := w.x[a.which].Read(k)
			if !k.ReadSeqretry(&w.seq, seq) {
				w.saw(k, v)
				break
			}
		}
	case "seq_write":
		flags := k.WriteSeqlockIRQSave(&w.seq)
		body(k)
		k.WriteSequnlockIRQRestore(&w.seq, flags)
	default:
		return false
	}
	return true
}

func (w *everything) everySleeper(k *sim.K, a act) bool {
	isSet := func() bool { return w.x[a.which].Read(k) != 0 }
	other := w.tasks[a.value%len(w.p.tasks)]
	switch a.verb {
	case "wait":
		k.WaitForCompletion(&w.done)
	case "wait_timeout":
		w.sawBool(k, k.WaitForCompletionTimeout(&w.done))
	case "try_wait":
		w.sawBool(k, k.TryWaitForCompletion(&w.done))
	case "complete":
		k.Complete(&w.done)
	case "complete_all":
		k.CompleteAll(&w.done)
	case "wait_event":
		k.WaitEvent(&w.queue, isSet)
	case "wait_event_timeout":
		w.sawBool(k, k.WaitEventTimeout(&w.queue, isSet))
	case "wait_exclusive":
		k.WaitEventExclusive(&w.queue, isSet)
	case "wake":
		k.WakeUp(&w.queue)
	case "wake_all":
		k.WakeUpAll(&w.queue)
	case "sleep":
		k.SetCurrentState(sim.TaskInterruptible)
		if !isSet() {
			k.Schedule(nil)
		} else {
			k.SetCurrentState(sim.TaskRunning)
		}
	case "wake_process":
		w.sawBool(k, k.WakeUpProcess(other))
	case "signal":
		k.SendSignal(other)
	default:
		return false
	}
	return true
}

func (w *everything) everyLater(k *sim.K, a act) bool {
	switch a.verb {
	case "mod_timer":
		w.sawBool(k, k.ModTimer(&w.timer))
	case "timer_delete":
		w.sawBool(k, k.TimerDelete(&w.timer))
	case "timer_delete_sync":
		w.sawBool(k, k.TimerDeleteSync(&w.timer))
	case "timer_pending":
		w.sawBool(k, k.TimerPending(&w.timer))
	case "queue":
		w.sawBool(k, k.QueueWork(&w.wq, &w.work[a.which]))
	case "queue_ordered":
		w.sawBool(k, k.QueueWork(&w.serial, &w.ordered[a.which]))
	case "queue_delayed":
		w.sawBool(k, k.QueueDelayedWork(&w.wq, &w.delayed))
	case "cancel":
		w.sawBool(k, k.CancelWork(&w.work[a.which]))
	case "cancel_sync":
		w.sawBool(k, k.CancelWorkSync(&w.work[a.which]))
	case "flush":
		w.sawBool(k, k.FlushWork(&w.work[a.which]))
	case "flush_wq":
		k.FlushWorkqueue([]*sim.Workqueue{&w.wq, &w.serial}[a.which])
	case "kthread":
		k.WakeUpKthread(&w.thread)
	case "kthread_stop":
		w.saw(k, k.KthreadStop(&w.thread))
	case "task_work":
		w.sawBool(k, k.TaskWorkAdd(w.tasks[a.value%len(w.p.tasks)], w.handlers) == nil)
	case "return_to_user":
		if k.Context() == sim.Task {
			k.ReturnToUser()
		}
	default:
		return false
	}
	return true
}

func (w *everything) everyReader(k *sim.K, a act, body func(k *sim.K)) bool {
	head := func() *sim.RCUHead {
		h := new(sim.RCUHead)
		h.Init(k, "head")
		return h
	}
	switch a.verb {
	case "rcu":
		k.RCUReadLock()
		body(k)
		k.RCUReadUnlock()
	case "rcu_sched":
		k.RCUReadLockSched()
		body(k)
		k.RCUReadUnlockSched()
	case "rcu_bh":
		k.RCUReadLockBH()
		body(k)
		k.RCUReadUnlockBH()
	case "rcu_trace":
		k.RCUReadLockTrace()
		body(k)
		k.RCUReadUnlockTrace()
	case "srcu":
		idx := k.SRCUReadLock(&w.srcu)
		body(k)
		k.SRCUReadUnlock(&w.srcu, idx)
	case "sync_rcu":
		k.SynchronizeRCU()
	case "sync_sched":
		k.SynchronizeSched()
	case "sync_bh":
		k.SynchronizeRCUBH()
	case "sync_trace":
		k.SynchronizeRCUTasksTrace()
	case "sync_tasks":
		k.SynchronizeRCUTasks()
	case "sync_rude":
		k.SynchronizeRCUTasksRude()
	case "sync_srcu":
		k.SynchronizeSRCU(&w.srcu)
	case "call_rcu":
		k.CallRCU(head(), w.handlers)
	case "call_sched":
		k.CallRCUSched(head(), w.handlers)
	case "call_tasks":
		k.CallRCUTasks(head(), w.handlers)
	case "call_srcu":
		k.CallSRCU(&w.srcu, head(), w.handlers)
	case "barrier":
		k.RCUBarrier()
	case "barrier_srcu":
		k.SRCUBarrier(&w.srcu)
	case "poll":
		c := k.GetStateSynchronizeRCU()
		w.x[a.which].Read(k)
		w.sawBool(k, k.PollStateSynchronizeRCU(c))
	case "qs":
		k.CondReschedTasksRCUQS()
	default:
		return false
	}
	return true
}

func (w *everything) everyOther(k *sim.K, a act, body func(k *sim.K)) bool {
	cpu, can := w.p.cpuOf(a.value)
	switch a.verb {
	case "preempt":
		k.PreemptDisable()
		body(k)
		k.PreemptEnable()
	case "bh":
		k.LocalBHDisable()
		body(k)
		k.LocalBHEnable()
	case "irqs":
		flags := k.LocalIRQSave()
		body(k)
		k.LocalIRQRestore(flags)
	case "trap":
		k.Exception("int3", body)
	case "irq":
		k.Interrupt("irq", body)
	case "softirq":
		k.RaiseSoftirq("softirq", body)
	case "irq_on":
		if can {
			k.InterruptOn(cpu, "irq", body)
		}
	case "softirq_on":
		if can {
			k.SoftirqOn(cpu, "softirq", body)
		}
	case "nmi_on":
		if can {
			k.NMIOn(cpu, "nmi", body)
		}
	case "ipi":
		if w.p.shared && can {
			k.SmpCallFunctionSingle(cpu, body, a.which > 0)
		}
	case "ipi_wait":
		if w.p.shared {
			k.OnEachCPU(body, true)
		}
	case "stop_machine":
		if w.p.shared {
			k.StopMachine(func(k *sim.K) { w.saw(k, w.x[a.which].Xchg(k, 5)) })
		}
	case "choose":
		w.saw(k, k.Choose(2+a.which, "a way"))
	case "alloc":
		l := new(sim.Life)
		if w.sawBool(k, k.Kzalloc(l, "object", sim.GFPKernel) == nil) {
			k.Kfree(l)
		}
	case "assume":
		k.Assume(w.x[a.which].Read(k) == 0)
	case "use":
		w.saw(k, w.in.Read(k))
	case "get_in":
		w.saw(k, w.inCell.Get(k))
	case "free":
		k.Kfree(&w.life)
	case "module_get":
		if w.sawBool(k, k.TryModuleGet(&w.mod)) {
			k.ModulePut(&w.mod)
		}
	case "module_call":
		w.mod.Call(k, body)
	case "module_call_safely":
		if w.sawBool(k, k.TryModuleGet(&w.mod)) {
			w.mod.Call(k, body)
			k.ModulePut(&w.mod)
		}
	case "unload":
		w.sawBool(k, k.DeleteModule(&w.mod) == nil)
	case "forget":
		k.Forget(a.value)
	default:
		return false
	}
	return true
}
