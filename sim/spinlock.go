package sim

// SpinLock is spinlock_t, or raw_spinlock_t if it was made by RawSpinLockInit:
// whoever holds it must not sleep. A task that finds it taken is blocked, not
// spinning, so that waiting costs no steps.
type SpinLock struct{ o Object }

// What a spinlock is asked for with, by whether it is a raw one.
var (
	opSpinLock          = newSpinOps("spin_lock(&%s)")
	opSpinTrylock       = newSpinOps("spin_trylock(&%s)")
	opSpinUnlock        = newSpinOps("spin_unlock(&%s)")
	opSpinLockBH        = newSpinOps("spin_lock_bh(&%s)")
	opSpinUnlockBH      = newSpinOps("spin_unlock_bh(&%s)")
	opSpinLockIRQ       = newSpinOps("spin_lock_irq(&%s)")
	opSpinUnlockIRQ     = newSpinOps("spin_unlock_irq(&%s)")
	opSpinLockIRQSave   = newSpinOps("spin_lock_irqsave(&%s)")
	opSpinUnlockIRQRest = newSpinOps("spin_unlock_irqrestore(&%s)")
)

type spinOps struct{ ordinary, raw Op }

func newSpinOps(format string) spinOps { return spinOps{NewOp(format), NewOp("raw_" + format)} }

func (ops spinOps) of(l *SpinLock) Op {
	if l.o.wait == alwaysSpins {
		return ops.raw
	}
	return ops.ordinary
}

func (l *SpinLock) object() *Object { return &l.o }

// In places the lock inside an allocation.
func (l *SpinLock) In(life *Life) { l.o.In(life) }

// SpinLockInit is spin_lock_init(). Spinlocks of one name are one lock class.
func (k *K) SpinLockInit(l *SpinLock, name string) {
	l.o.InitLock(k, name)
	l.o.wait = spins
	k.initSections(&l.o)
	l.o.Allow(free)
	l.o.content = whoHolds{}
}

// RawSpinLockInit is raw_spin_lock_init(): the lock spins on every kernel, also
// where others sleep (see Machine.ProveRawLockNesting). The verbs of SpinLock are
// then those of raw_spinlock_t.
func (k *K) RawSpinLockInit(l *SpinLock, name string) {
	k.SpinLockInit(l, name)
	l.o.wait = alwaysSpins
}

// SpinLock is spin_lock(): preemption is off until SpinUnlock.
func (k *K) SpinLock(l *SpinLock) { k.SpinLockNested(l, 0) }

// SpinLockNested is spin_lock_nested(): SpinLock of a lock that belongs, this
// time, to a subclass from 0 to 7 of its class.
func (k *K) SpinLockNested(l *SpinLock, subclass int) {
	k.mask(opPreemptDisable, k.preempt+1, k.bhOff, k.irqOff)
	k.spin(l, opSpinLock, subclass)
}

// SpinTrylock is spin_trylock(): it says whether it took the lock.
func (k *K) SpinTrylock(l *SpinLock) bool {
	k.mask(opPreemptDisable, k.preempt+1, k.bhOff, k.irqOff)
	k.StepWait(opSpinTrylock.of(l), &l.o, Write, k.around(&l.o))
	if !k.try(&l.o) {
		k.mask(opPreemptEnable, k.preempt-1, k.bhOff, k.irqOff)
		return false
	}
	return true
}

// SpinUnlock is spin_unlock().
func (k *K) SpinUnlock(l *SpinLock) {
	k.unspin(l, opSpinUnlock)
	k.mask(opPreemptEnable, k.preempt-1, k.bhOff, k.irqOff)
}

// SpinLockBH is spin_lock_bh(): softirqs are off too.
func (k *K) SpinLockBH(l *SpinLock) {
	k.mask(opBHDisable, k.preempt+1, k.bhOff+1, k.irqOff)
	k.spin(l, opSpinLockBH, 0)
}

// SpinUnlockBH is spin_unlock_bh().
func (k *K) SpinUnlockBH(l *SpinLock) {
	k.unspin(l, opSpinUnlockBH)
	k.mask(opBHEnable, k.preempt-1, k.bhOff-1, k.irqOff)
}

// SpinLockIRQ is spin_lock_irq(): interrupts are off until SpinUnlockIRQ.
func (k *K) SpinLockIRQ(l *SpinLock) {
	k.mask(opIRQDisable, k.preempt+1, k.bhOff, k.irqOff+1)
	k.spin(l, opSpinLockIRQ, 0)
}

// SpinUnlockIRQ is spin_unlock_irq(): interrupts are on afterwards, whatever they
// were before SpinLockIRQ.
func (k *K) SpinUnlockIRQ(l *SpinLock) {
	k.unspin(l, opSpinUnlockIRQ)
	k.mask(opIRQEnable, k.preempt-1, k.bhOff, 0)
}

// SpinLockIRQSave is spin_lock_irqsave(): interrupts are off too. It returns
// the state to be given to SpinUnlockIRQRestore.
func (k *K) SpinLockIRQSave(l *SpinLock) (flags int) {
	flags = k.irqOff
	k.mask(opIRQSave, k.preempt+1, k.bhOff, flags+1)
	k.spin(l, opSpinLockIRQSave, 0)
	return flags
}

// SpinUnlockIRQRestore is spin_unlock_irqrestore().
func (k *K) SpinUnlockIRQRestore(l *SpinLock, flags int) {
	k.unspin(l, opSpinUnlockIRQRest)
	k.mask(opIRQRestore, k.preempt-1, k.bhOff, flags)
}

// spin takes a lock for k, which has switched off preemption and whatever else
// the lock asks for.
func (k *K) spin(l *SpinLock, ops spinOps, subclass int) {
	class := k.asking(&l.o, exclusive, subclass)
	k.lockStep(ops.of(l), &l.o)
	k.own(&l.o, class)
}

// unspin makes the lock free; what it has kept off may come again after that.
func (k *K) unspin(l *SpinLock, ops spinOps) {
	k.unlockStep(ops.of(l), &l.o)
	k.disown(&l.o)
}
