package sim

// RWLock is rwlock_t: many readers or one writer, none of whom may sleep. A reader
// gets in whenever no writer is inside, however many wait: so readers may nest, in
// one task and in the interrupt that stops it. On x86 that holds for interrupts
// only, other readers queue there; what lockdep reports here is what goes wrong
// under either rule.
type RWLock struct{ rw rwState }

var (
	opReadLock           = NewOp("read_lock(&%s)")
	opReadTrylock        = NewOp("read_trylock(&%s)")
	opReadUnlock         = NewOp("read_unlock(&%s)")
	opReadLockBH         = NewOp("read_lock_bh(&%s)")
	opReadUnlockBH       = NewOp("read_unlock_bh(&%s)")
	opReadLockIRQSave    = NewOp("read_lock_irqsave(&%s)")
	opReadUnlockIRQRest  = NewOp("read_unlock_irqrestore(&%s)")
	opWriteLock          = NewOp("write_lock(&%s)")
	opWriteTrylock       = NewOp("write_trylock(&%s)")
	opWriteUnlock        = NewOp("write_unlock(&%s)")
	opWriteLockBH        = NewOp("write_lock_bh(&%s)")
	opWriteUnlockBH      = NewOp("write_unlock_bh(&%s)")
	opWriteLockIRQSave   = NewOp("write_lock_irqsave(&%s)")
	opWriteUnlockIRQRest = NewOp("write_unlock_irqrestore(&%s)")
)

func (l *RWLock) object() *Object { return &l.rw.o }

// In places the lock inside an allocation.
func (l *RWLock) In(life *Life) { l.rw.o.In(life) }

// RWLockInit is rwlock_init(). Locks of one name are one lock class.
func (k *K) RWLockInit(l *RWLock, name string) {
	k.initRW(&l.rw, name, opSpins)
	l.rw.o.wait = spins
	l.rw.barge = true
}

// ReadLock is read_lock(): it waits while a writer is inside. Preemption is off
// until ReadUnlock.
func (k *K) ReadLock(l *RWLock) {
	k.mask(opPreemptDisable, k.preempt+1, k.bhOff, k.irqOff)
	k.readSpin(l, opReadLock)
}

// ReadTrylock is read_trylock(): it says whether it took the lock, which it does
// unless a writer is inside.
func (k *K) ReadTrylock(l *RWLock) bool {
	k.mask(opPreemptDisable, k.preempt+1, k.bhOff, k.irqOff)
	return k.triedRW(k.tryReadRW(&l.rw, opReadTrylock, recursive))
}

// ReadUnlock is read_unlock().
func (k *K) ReadUnlock(l *RWLock) {
	k.readUnspin(l, opReadUnlock)
	k.mask(opPreemptEnable, k.preempt-1, k.bhOff, k.irqOff)
}

// ReadLockBH is read_lock_bh(): softirqs are off too.
func (k *K) ReadLockBH(l *RWLock) {
	k.mask(opBHDisable, k.preempt+1, k.bhOff+1, k.irqOff)
	k.readSpin(l, opReadLockBH)
}

// ReadUnlockBH is read_unlock_bh().
func (k *K) ReadUnlockBH(l *RWLock) {
	k.readUnspin(l, opReadUnlockBH)
	k.mask(opBHEnable, k.preempt-1, k.bhOff-1, k.irqOff)
}

// ReadLockIRQSave is read_lock_irqsave(): interrupts are off too. It returns the
// state to be given to ReadUnlockIRQRestore.
func (k *K) ReadLockIRQSave(l *RWLock) (flags int) {
	flags = k.irqOff
	k.mask(opIRQSave, k.preempt+1, k.bhOff, flags+1)
	k.readSpin(l, opReadLockIRQSave)
	return flags
}

// ReadUnlockIRQRestore is read_unlock_irqrestore().
func (k *K) ReadUnlockIRQRestore(l *RWLock, flags int) {
	k.readUnspin(l, opReadUnlockIRQRest)
	k.mask(opIRQRestore, k.preempt-1, k.bhOff, flags)
}

// WriteLock is write_lock(): it waits while anybody is inside. Preemption is off
// until WriteUnlock.
func (k *K) WriteLock(l *RWLock) {
	k.mask(opPreemptDisable, k.preempt+1, k.bhOff, k.irqOff)
	k.writeSpin(l, opWriteLock)
}

// WriteTrylock is write_trylock(): it says whether it took the lock, which it does
// if nobody is inside.
func (k *K) WriteTrylock(l *RWLock) bool {
	k.mask(opPreemptDisable, k.preempt+1, k.bhOff, k.irqOff)
	return k.triedRW(k.tryWriteRW(&l.rw, opWriteTrylock))
}

// WriteUnlock is write_unlock(). Only the writer may call it.
func (k *K) WriteUnlock(l *RWLock) {
	k.writeUnspin(l, opWriteUnlock)
	k.mask(opPreemptEnable, k.preempt-1, k.bhOff, k.irqOff)
}

// WriteLockBH is write_lock_bh(): softirqs are off too.
func (k *K) WriteLockBH(l *RWLock) {
	k.mask(opBHDisable, k.preempt+1, k.bhOff+1, k.irqOff)
	k.writeSpin(l, opWriteLockBH)
}

// WriteUnlockBH is write_unlock_bh().
func (k *K) WriteUnlockBH(l *RWLock) {
	k.writeUnspin(l, opWriteUnlockBH)
	k.mask(opBHEnable, k.preempt-1, k.bhOff-1, k.irqOff)
}

// WriteLockIRQSave is write_lock_irqsave(): interrupts are off too. It returns the
// state to be given to WriteUnlockIRQRestore.
func (k *K) WriteLockIRQSave(l *RWLock) (flags int) {
	flags = k.irqOff
	k.mask(opIRQSave, k.preempt+1, k.bhOff, flags+1)
	k.writeSpin(l, opWriteLockIRQSave)
	return flags
}

// WriteUnlockIRQRestore is write_unlock_irqrestore().
func (k *K) WriteUnlockIRQRestore(l *RWLock, flags int) {
	k.writeUnspin(l, opWriteUnlockIRQRest)
	k.mask(opIRQRestore, k.preempt-1, k.bhOff, flags)
}

func (k *K) readSpin(l *RWLock, op Op) {
	k.readRW(&l.rw, op, recursive, 0)
}

func (k *K) readUnspin(l *RWLock, op Op) {
	k.unreadRW(&l.rw, op)
}

func (k *K) writeSpin(l *RWLock, op Op) {
	k.writeRW(&l.rw, op, 0)
}

func (k *K) writeUnspin(l *RWLock, op Op) {
	k.unwriteRW(&l.rw, op)
}

// triedRW switches preemption on again if a trylock did not take the lock.
func (k *K) triedRW(ok bool) bool {
	if !ok {
		k.mask(opPreemptEnable, k.preempt-1, k.bhOff, k.irqOff)
	}
	return ok
}
