package memory

// Model is a memory model.
type Model int

const (
	// SC is sequential consistency: one interleaving explains the execution.
	SC Model = iota
	// TSO is x86 with the kernel's mapping: a store may be delayed past later loads
	// of its task, every locked operation and smp_mb empties the buffer, and the
	// other barriers are for the compiler only.
	TSO
	// LKMM is the Linux-kernel memory model.
	LKMM
)

// String names a model as on the command line.
func (m Model) String() string {
	switch m {
	case SC:
		return "sc"
	case TSO:
		return "tso"
	case LKMM:
		return "lkmm"
	}
	return "unknown model"
}

// Access says how a load or store is marked.
type Access uint8

const (
	// Plain is an ordinary C access. Two of different tasks may race.
	Plain Access = iota
	// Once is READ_ONCE, WRITE_ONCE, rcu_dereference, atomic_read or atomic_set.
	Once
	// Acquire is smp_load_acquire. It is for loads only.
	Acquire
	// Release is smp_store_release or rcu_assign_pointer. It is for stores only.
	Release
)

// Order says what a read-modify-write orders.
type Order uint8

const (
	// Full is for operations that return a value and have no suffix: xchg, cmpxchg,
	// atomic_add_return. If the operation writes, a full barrier stands on both sides.
	Full Order = iota
	// Relaxed is for the _relaxed forms.
	Relaxed
	// AcquireRMW is for the _acquire forms.
	AcquireRMW
	// ReleaseRMW is for the _release forms.
	ReleaseRMW
	// Void is for operations that return nothing, such as atomic_inc. They order
	// nothing, and smp_rmb does not order their load.
	Void
)

// Fence is a barrier.
type Fence uint8

const (
	// Mb is smp_mb.
	Mb Fence = iota
	// Wmb is smp_wmb.
	Wmb
	// Rmb is smp_rmb.
	Rmb
	// BeforeAtomic is smp_mb__before_atomic.
	BeforeAtomic
	// AfterAtomic is smp_mb__after_atomic.
	AfterAtomic
	// AfterSpinlock is smp_mb__after_spinlock.
	AfterSpinlock
	// AfterUnlockLock is smp_mb__after_unlock_lock.
	AfterUnlockLock
	// AfterSRCUReadUnlock is smp_mb__after_srcu_read_unlock.
	AfterSRCUReadUnlock
	// Barrier is barrier(), for the compiler only. It orders nothing in any model.
	Barrier
	// SyncRCU is synchronize_rcu and synchronize_rcu_expedited.
	SyncRCU
)

// String names a barrier as the kernel does.
func (f Fence) String() string {
	switch f {
	case Mb:
		return "smp_mb"
	case Wmb:
		return "smp_wmb"
	case Rmb:
		return "smp_rmb"
	case BeforeAtomic:
		return "smp_mb__before_atomic"
	case AfterAtomic:
		return "smp_mb__after_atomic"
	case AfterSpinlock:
		return "smp_mb__after_spinlock"
	case AfterUnlockLock:
		return "smp_mb__after_unlock_lock"
	case AfterSRCUReadUnlock:
		return "smp_mb__after_srcu_read_unlock"
	case Barrier:
		return "barrier"
	case SyncRCU:
		return "synchronize_rcu"
	}
	return "unknown barrier"
}
