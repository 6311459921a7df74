package sim

// Code may look at what a semaphore protects without taking it, and find out afterwards
// whether anybody has had it for writing meanwhile. If so, what it has seen means
// nothing. Linux has that since 6.13 for mm->mmap_lock, with a count of its writers
// (include/linux/mmap_lock.h).

var (
	opSpeculateBegin = NewOp("mmap_lock_speculate_try_begin(&%s)")
	opSpeculateRetry = NewOp("mmap_lock_speculate_retry(&%s)")
)

// MmapLockSpeculateTryBegin is mmap_lock_speculate_try_begin(): it says whether nobody
// has the semaphore for writing, and returns what MmapLockSpeculateRetry is to be given.
// What is protected and looked at in this very step is as no writer has left it half done.
func (k *K) MmapLockSpeculateTryBegin(l *RWSem) (seq int, ok bool) {
	k.Step(opSpeculateBegin, &l.rw.o, Add) // readers of the semaphore make no difference
	l.rw.speculated = true
	return l.rw.writes, k.noted(l.rw.o.holder == nil)
}

// MmapLockSpeculateRetry is mmap_lock_speculate_retry(): it says whether anybody has had
// the semaphore for writing since.
func (k *K) MmapLockSpeculateRetry(l *RWSem, seq int) bool {
	k.Step(opSpeculateRetry, &l.rw.o, Add)
	return k.noted(l.rw.writes != seq)
}
