package sim

// SpinLock is spinlock_t: whoever holds it must not sleep. A task that finds it
// taken is blocked, not spinning, so that waiting costs no steps.
type SpinLock struct{ o Object }

var (
	opSpinLock          = NewOp("spin_lock(&%s)")
	opSpinTrylock       = NewOp("spin_trylock(&%s)")
	opSpinUnlock        = NewOp("spin_unlock(&%s)")
	opSpinLockBH        = NewOp("spin_lock_bh(&%s)")
	opSpinUnlockBH      = NewOp("spin_unlock_bh(&%s)")
	opSpinLockIRQSave   = NewOp("spin_lock_irqsave(&%s)")
	opSpinUnlockIRQRest = NewOp("spin_unlock_irqrestore(&%s)")
)

func (l *SpinLock) object() *Object { return &l.o }

// In places the lock inside an allocation.
func (l *SpinLock) In(life *Life) { l.o.In(life) }

// SpinLockInit is spin_lock_init(). Spinlocks of one name are one lock class.
func (k *K) SpinLockInit(l *SpinLock, name string) {
	l.o.InitLock(k, name)
	l.o.spins = true
	l.o.Allow(free)
}

// SpinLock is spin_lock(): preemption is off until SpinUnlock.
func (k *K) SpinLock(l *SpinLock) { k.spin(l, opSpinLock) }

// SpinTrylock is spin_trylock(): it says whether it took the lock.
func (k *K) SpinTrylock(l *SpinLock) bool {
	k.Step(opSpinTrylock, &l.o, Write)
	if !k.tried(&l.o) {
		return false
	}
	k.preempt++
	k.own(&l.o)
	k.enterSections()
	return true
}

// SpinUnlock is spin_unlock().
func (k *K) SpinUnlock(l *SpinLock) { k.unspin(l, opSpinUnlock) }

// SpinLockBH is spin_lock_bh(): softirqs are off too.
func (k *K) SpinLockBH(l *SpinLock) {
	k.bhOff++
	k.spin(l, opSpinLockBH)
}

// SpinUnlockBH is spin_unlock_bh().
func (k *K) SpinUnlockBH(l *SpinLock) {
	k.unspin(l, opSpinUnlockBH)
	k.bhOff--
	k.leaveSections()
}

// SpinLockIRQSave is spin_lock_irqsave(): interrupts are off too. It returns
// the state to be given to SpinUnlockIRQRestore.
func (k *K) SpinLockIRQSave(l *SpinLock) (flags int) {
	flags = k.irqOff
	k.irqOff++
	k.spin(l, opSpinLockIRQSave)
	return flags
}

// SpinUnlockIRQRestore is spin_unlock_irqrestore().
func (k *K) SpinUnlockIRQRestore(l *SpinLock, flags int) {
	k.unspin(l, opSpinUnlockIRQRest)
	k.irqOff = flags
	k.leaveSections()
}

func (k *K) spin(l *SpinLock, op Op) {
	k.acquiring(&l.o)
	k.used(&l.o, false)
	k.preempt++
	k.StepWait(op, &l.o, Write, free)
	k.own(&l.o)
}

func (k *K) unspin(l *SpinLock, op Op) {
	k.Step(op, &l.o, Write)
	k.disown(&l.o)
	k.preempt--
	k.leaveSections()
}
