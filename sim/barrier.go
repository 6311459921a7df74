package sim

import "trapline/sim/memory"

// The barriers are no steps: under sequential consistency there is nothing left for
// them to order, and otherwise they belong to the step before. They are remarks in a
// recorded execution, so that a trace shows where the code has them.

// SmpMb is smp_mb(), a full barrier.
func (k *K) SmpMb() { k.barrier("smp_mb", memory.Mb) }

// SmpRmb is smp_rmb(): reads before it come before reads after it.
func (k *K) SmpRmb() { k.barrier("smp_rmb", memory.Rmb) }

// SmpWmb is smp_wmb(): writes before it come before writes after it.
func (k *K) SmpWmb() { k.barrier("smp_wmb", memory.Wmb) }

// SmpMbBeforeAtomic is smp_mb__before_atomic(): it makes the atomic operation
// after it, which gives no order of its own, a full barrier for what is before.
func (k *K) SmpMbBeforeAtomic() { k.barrier("smp_mb__before_atomic", memory.BeforeAtomic) }

// SmpMbAfterAtomic is smp_mb__after_atomic(): it makes the atomic operation
// before it a full barrier for what comes after.
func (k *K) SmpMbAfterAtomic() { k.barrier("smp_mb__after_atomic", memory.AfterAtomic) }

// SmpMbAfterSpinlock is smp_mb__after_spinlock(): it makes the lock taken last a full
// barrier for what was before and what comes after.
func (k *K) SmpMbAfterSpinlock() { k.barrier("smp_mb__after_spinlock", memory.AfterSpinlock) }

// SmpMbAfterUnlockLock is smp_mb__after_unlock_lock(): it makes an unlock and the
// lock that follows it, by the task or of the same lock, a full barrier together.
func (k *K) SmpMbAfterUnlockLock() { k.barrier("smp_mb__after_unlock_lock", memory.AfterUnlockLock) }

// SmpMbAfterSRCUReadUnlock is smp_mb__after_srcu_read_unlock(): it makes the
// srcu_read_unlock before it a full barrier.
func (k *K) SmpMbAfterSRCUReadUnlock() {
	k.barrier("smp_mb__after_srcu_read_unlock", memory.AfterSRCUReadUnlock)
}

// Barrier is barrier(), which holds back the compiler only.
func (k *K) Barrier() { k.barrier("barrier", memory.Barrier) }

func (k *K) barrier(name string, f memory.Fence) {
	k.fence(f)
	k.remark(name)
}

// remark shows in a recorded execution where the code calls what is no step.
func (k *K) remark(name string) {
	if k.Tracing() {
		k.Event(name, "()")
	}
}
