package sim

import "trapline/sim/memory"

// The forms of the accesses to a word that say which order they want. Under
// sequential consistency every marked access gives all the order there is, so that
// they differ from the plain forms in name only.

var (
	opLoadAcquire    = NewOp("smp_load_acquire(&%s)")
	opStoreRelease   = newStoreOp("smp_store_release(&%s)")
	opStoreMb        = newStoreOp("smp_store_mb(%s)")
	opXchgRelaxed    = NewOp("xchg_relaxed(&%s)")
	opXchgAcquire    = NewOp("xchg_acquire(&%s)")
	opXchgRelease    = NewOp("xchg_release(&%s)")
	opCmpxchgRelaxed = NewOp("cmpxchg_relaxed(&%s)")
	opCmpxchgAcquire = NewOp("cmpxchg_acquire(&%s)")
	opCmpxchgRelease = NewOp("cmpxchg_release(&%s)")
)

// LoadAcquire is smp_load_acquire(): what comes after it stays after it.
func (w *Word[T]) LoadAcquire(k *K) T { return w.load(k, opLoadAcquire, memory.Acquire) }

// StoreRelease is smp_store_release(): what comes before it stays before it.
func (w *Word[T]) StoreRelease(k *K, v T) { w.store(k, opStoreRelease, memory.Release, v) }

// SmpStoreMb is smp_store_mb(): WRITE_ONCE() with a full barrier behind it.
func (w *Word[T]) SmpStoreMb(k *K, v T) {
	w.store(k, opStoreMb, memory.Once, v)
	k.fence(memory.Mb)
}

// XchgRelaxed is xchg_relaxed(), which orders nothing.
func (w *Word[T]) XchgRelaxed(k *K, v T) T { return w.xchg(k, opXchgRelaxed, memory.Relaxed, v) }

// XchgAcquire is xchg_acquire().
func (w *Word[T]) XchgAcquire(k *K, v T) T { return w.xchg(k, opXchgAcquire, memory.AcquireRMW, v) }

// XchgRelease is xchg_release().
func (w *Word[T]) XchgRelease(k *K, v T) T { return w.xchg(k, opXchgRelease, memory.ReleaseRMW, v) }

// CmpxchgRelaxed is cmpxchg_relaxed(), which orders nothing.
func (w *Word[T]) CmpxchgRelaxed(k *K, old, v T) T {
	return w.cmpxchg(k, opCmpxchgRelaxed, memory.Relaxed, old, v)
}

// CmpxchgAcquire is cmpxchg_acquire().
func (w *Word[T]) CmpxchgAcquire(k *K, old, v T) T {
	return w.cmpxchg(k, opCmpxchgAcquire, memory.AcquireRMW, old, v)
}

// CmpxchgRelease is cmpxchg_release().
func (w *Word[T]) CmpxchgRelease(k *K, old, v T) T {
	return w.cmpxchg(k, opCmpxchgRelease, memory.ReleaseRMW, old, v)
}
