package sim

// The flavours of RCU whose readers are regions with preemption or softirqs off.
// Since Linux 4.20 their grace periods are those of synchronize_rcu.

var (
	opRCUReadLockSched          = NewOp("rcu_read_lock_sched()")
	opRCUReadUnlockSched        = NewOp("rcu_read_unlock_sched()")
	opSynchronizeSched          = NewOp("synchronize_sched()")
	opSynchronizeSchedExpedited = NewOp("synchronize_sched_expedited()")
	opRCUReadLockBH             = NewOp("rcu_read_lock_bh()")
	opRCUReadUnlockBH           = NewOp("rcu_read_unlock_bh()")
	opSynchronizeRCUBH          = NewOp("synchronize_rcu_bh()")
	opSynchronizeRCUBHExpedited = NewOp("synchronize_rcu_bh_expedited()")
)

// RCUReadLockSched is rcu_read_lock_sched(): preempt_disable() by a name that
// lockdep knows.
func (k *K) RCUReadLockSched() { k.readLock(flavourSched, opRCUReadLockSched) }

// RCUReadUnlockSched is rcu_read_unlock_sched().
func (k *K) RCUReadUnlockSched() { k.readUnlock(flavourSched, opRCUReadUnlockSched) }

// SynchronizeSched is synchronize_sched(): it sleeps until every region with
// preemption off has ended that is there when it begins, see [RCUModel].
func (k *K) SynchronizeSched() { k.synchronize(flavourSched, opSynchronizeSched) }

// SynchronizeSchedExpedited is synchronize_sched_expedited().
func (k *K) SynchronizeSchedExpedited() { k.synchronize(flavourSched, opSynchronizeSchedExpedited) }

// RCUReadLockBH is rcu_read_lock_bh(): local_bh_disable() by a name that lockdep
// knows.
func (k *K) RCUReadLockBH() { k.readLock(flavourBH, opRCUReadLockBH) }

// RCUReadUnlockBH is rcu_read_unlock_bh().
func (k *K) RCUReadUnlockBH() { k.readUnlock(flavourBH, opRCUReadUnlockBH) }

// SynchronizeRCUBH is synchronize_rcu_bh(): it sleeps until every region with
// softirqs off has ended that is there when it begins, see [RCUModel].
func (k *K) SynchronizeRCUBH() { k.synchronize(flavourBH, opSynchronizeRCUBH) }

// SynchronizeRCUBHExpedited is synchronize_rcu_bh_expedited().
func (k *K) SynchronizeRCUBHExpedited() { k.synchronize(flavourBH, opSynchronizeRCUBHExpedited) }
