package sim

// The rules of RCU, as lockdep and debugobjects watch them.

// The rules that users of RCU can break.
var (
	SuspiciousRCU = Kind{"suspicious-rcu", "WARNING: suspicious RCU usage"}
	RCUHeadTwice  = Kind{"rcu-head-queued-twice", "WARNING: ODEBUG bug"}
	SRCUIndex     = Kind{"srcu-index", "WARNING: index of no SRCU reader"}
	SRCUBusy      = Kind{"srcu-busy", "WARNING: used SRCU domain cleaned up"}
)

// suspicious reports an RCU usage that lockdep calls so; what is its text.
func (k *K) suspicious(what string) {
	k.Fail(&Violation{Kind: SuspiciousRCU, Subject: what, write: func(r *splat) {
		at := top(r.stack)
		r.rule(29, SuspiciousRCU.Class)
		r.line("%s:%d %s!", at.File, at.Line, what)
		r.line("")
		r.line("other info that might help us debug this:")
		r.line("")
		r.line("")
		r.line("rcu_scheduler_active = 2, debug_locks = 1")
		r.locks(r.k)
		r.backtrace()
	}})
}

// queuedTwice is the report of debugobjects.
func (r *splat) queuedTwice() {
	at := top(r.stack)
	r.line("------------[ cut here ]------------")
	r.line("ODEBUG: activate active (active state 1) object: %016x object type: rcu_head hint: 0x0", r.k.m.address(r.v.asked))
	r.line("WARNING: CPU: %d PID: %d at %s:%d debug_print_object+0x0/0x0", r.k.cpu(), r.k.pid(), at.File, at.Line)
	r.trace(r.k, r.stack)
	r.line("---[ end trace 0000000000000000 ]---")
}

// rcuPreemptDepth is rcu_preempt_depth(): how deep k is under rcu_read_lock, where
// such readers can be preempted.
func (k *K) rcuPreemptDepth() int {
	if k.m.RCU.preemptible() {
		return k.rcu.depth[flavourRCU]
	}
	return 0
}

// RCUReadLockHeld is rcu_read_lock_held(): whether the task is a reader under
// RCUReadLock. This and its like are for the conditions of DereferenceCheck.
func (k *K) RCUReadLockHeld() bool { return k.rcu.depth[flavourRCU] > 0 }

// RCUReadLockBHHeld is rcu_read_lock_bh_held(): whether softirqs or interrupts are
// off.
func (k *K) RCUReadLockBHHeld() bool { return k.regions()&(softirqOff|irqsOff) != 0 }

// RCUReadLockSchedHeld is rcu_read_lock_sched_held(): whether the code cannot be
// preempted.
func (k *K) RCUReadLockSchedHeld() bool { return k.regions()&atomically != 0 }

// RCUReadLockAnyHeld is rcu_read_lock_any_held(): whether the code is a reader of
// one of these three.
func (k *K) RCUReadLockAnyHeld() bool { return k.RCUReadLockHeld() || k.RCUReadLockSchedHeld() }

// RCUReadLockTraceHeld is rcu_read_lock_trace_held().
func (k *K) RCUReadLockTraceHeld() bool { return k.rcu.depth[flavourTrace] > 0 }

// SRCUReadLockHeld is srcu_read_lock_held().
func (k *K) SRCUReadLockHeld(s *SRCU) bool {
	for _, r := range k.rcu.srcu {
		if r.s == s {
			return true
		}
	}
	return false
}

// LockdepIsHeld is lockdep_is_held(): whether the task holds the lock.
func (k *K) LockdepIsHeld(l Lock) bool {
	o := l.object()
	for _, h := range k.held {
		if h.o == o {
			return true
		}
	}
	return false
}

// anyReader says whether k is inside rcu_read_lock() or its like for sched and bh,
// by one of those names.
func (k *K) anyReader() bool {
	d := &k.rcu.depth
	return d[flavourRCU] > 0 || d[flavourSched] > 0 || d[flavourBH] > 0
}

// checkSleep is rcu_sleep_check().
func (k *K) checkSleep() {
	switch d := &k.rcu.depth; {
	case d[flavourRCU] > 0 && !k.m.RCU.preemptible():
		k.suspicious("Illegal context switch in RCU read-side critical section")
	case d[flavourBH] > 0:
		k.suspicious("Illegal context switch in RCU-bh read-side critical section")
	case d[flavourSched] > 0:
		k.suspicious("Illegal context switch in RCU-sched read-side critical section")
	}
}

// checkSynchronize fails if k is about to wait for itself.
func (k *K) checkSynchronize(f flavour, op Op) {
	if k.m.aborting {
		return
	}
	section := ""
	switch f {
	case flavourRCU:
		section = "RCU"
	case flavourSched:
		section = "RCU-sched"
	case flavourBH:
		section = "RCU-bh"
	case flavourTrace:
		if k.rcu.depth[flavourTrace] > 0 {
			k.suspicious("Illegal " + op.String() + " in RCU Tasks Trace read-side critical section")
		}
	}
	if section != "" && k.anyReader() {
		k.suspicious("Illegal " + op.String() + " in " + section + " read-side critical section")
	}
}

// checkSynchronizeSRCU does the same for a domain.
func (k *K) checkSynchronizeSRCU(s *SRCU) {
	if !k.m.aborting && (k.SRCUReadLockHeld(s) || k.anyReader()) {
		k.suspicious("Illegal synchronize_srcu() in same-type SRCU (or in RCU) read-side critical section")
	}
}
