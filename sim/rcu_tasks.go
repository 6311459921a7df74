package sim

// RCU Tasks, Linux 3.18 and later, for code that nobody marks as a reader: the
// trampolines of probes and tracers. Three flavours, each with updaters of its own.

var (
	opSynchronizeRCUTasks      = NewOp("synchronize_rcu_tasks()")
	opSynchronizeRCUTasksRude  = NewOp("synchronize_rcu_tasks_rude()")
	opSynchronizeRCUTasksTrace = NewOp("synchronize_rcu_tasks_trace()")
	opCondReschedTasksRCUQS    = NewOp("cond_resched_tasks_rcu_qs()")
	opRCUReadLockTrace         = NewOp("rcu_read_lock_trace()")
	opRCUReadUnlockTrace       = NewOp("rcu_read_unlock_trace()")
)

// SynchronizeRCUTasks is synchronize_rcu_tasks(): it sleeps until every task that
// is running then, preempted or not, has slept of its own accord, has called
// CondReschedTasksRCUQS, or has ended. A call that might sleep counts as a sleep. A
// task that has not begun, or sleeps, is not waited for; nor are interrupts when
// they have ended.
func (k *K) SynchronizeRCUTasks() { k.synchronize(flavourTasks, opSynchronizeRCUTasks) }

// CondReschedTasksRCUQS is cond_resched_tasks_rcu_qs(): to RCU Tasks the task has
// slept. The way to user mode is the same.
func (k *K) CondReschedTasksRCUQS() { k.rest(opCondReschedTasksRCUQS) }

// SynchronizeRCUTasksRude is synchronize_rcu_tasks_rude(): it sleeps until every
// CPU has switched tasks, so that every region with preemption, softirqs or
// interrupts off has ended.
func (k *K) SynchronizeRCUTasksRude() { k.synchronize(flavourRude, opSynchronizeRCUTasksRude) }

// RCUReadLockTrace is rcu_read_lock_trace(): until the matching
// RCUReadUnlockTrace the task is a reader, who may sleep.
func (k *K) RCUReadLockTrace() { k.readLock(flavourTrace, opRCUReadLockTrace) }

// RCUReadUnlockTrace is rcu_read_unlock_trace().
func (k *K) RCUReadUnlockTrace() { k.readUnlock(flavourTrace, opRCUReadUnlockTrace) }

// SynchronizeRCUTasksTrace is synchronize_rcu_tasks_trace(): it sleeps until all
// have left who are readers under RCUReadLockTrace when it begins.
func (k *K) SynchronizeRCUTasksTrace() { k.synchronize(flavourTrace, opSynchronizeRCUTasksTrace) }
