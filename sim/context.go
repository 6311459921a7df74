package sim

// Context is what a piece of kernel code runs in, and so what it may do.
type Context uint8

// The contexts, from the one that may sleep to the ones that may not.
const (
	Task Context = iota
	SoftIRQ
	HardIRQ
)

var (
	opPreemptDisable  = NewOp("preempt_disable()")
	opPreemptEnable   = NewOp("preempt_enable()")
	opLocalBHDisable  = NewOp("local_bh_disable()")
	opLocalBHEnable   = NewOp("local_bh_enable()")
	opLocalIRQSave    = NewOp("local_irq_save()")
	opLocalIRQRestore = NewOp("local_irq_restore()")
	opMightSleep      = NewOp("might_sleep()")
)

// Context says what the code runs in.
func (k *K) Context() Context { return k.ctx }

// PreemptDisable is preempt_disable(): until the matching PreemptEnable the
// task must not sleep. It is a step only where a grace period may wait for it,
// and so are its like.
func (k *K) PreemptDisable() {
	k.preempt++
	k.beginSection(opPreemptDisable)
}

// PreemptEnable is preempt_enable().
func (k *K) PreemptEnable() {
	k.preempt--
	k.endSection(opPreemptEnable)
}

// LocalBHDisable is local_bh_disable(): no softirq runs on this CPU until the
// matching LocalBHEnable, and the task must not sleep.
func (k *K) LocalBHDisable() {
	k.bhOff++
	k.beginSection(opLocalBHDisable)
}

// LocalBHEnable is local_bh_enable().
func (k *K) LocalBHEnable() {
	k.bhOff--
	k.endSection(opLocalBHEnable)
}

// LocalIRQSave is local_irq_save(): interrupts are off on this CPU, and the task
// must not sleep. It returns the state to be given to LocalIRQRestore.
func (k *K) LocalIRQSave() (flags int) {
	flags = k.irqOff
	k.irqOff++
	k.beginSection(opLocalIRQSave)
	return flags
}

// LocalIRQRestore is local_irq_restore().
func (k *K) LocalIRQRestore(flags int) {
	k.irqOff = flags
	k.endSection(opLocalIRQRestore)
}

// inAtomic says that the code must not sleep.
func (k *K) inAtomic() bool {
	return k.ctx != Task || k.preempt > 0 || k.bhOff > 0 || k.irqOff > 0 || k.rcuPreemptDepth() > 0
}

// MightSleep is might_sleep(): it fails if the code runs where it must not
// sleep, whether or not it would have to wait this time. The subject is what it
// would wait for. For RCU Tasks it counts as a sleep: nobody may rely on not having
// to wait.
func (k *K) MightSleep(subject string) {
	if k.m.aborting {
		return
	}
	k.checkSleep()
	if k.inAtomic() {
		k.Fail(&Violation{Kind: Atomic, Subject: subject})
	}
	k.rest(opMightSleep)
}

// exit checks what a task may not leave behind.
func (k *K) exit() {
	if len(k.held) > 0 {
		k.Fail(&Violation{Kind: HeldAtExit, Subject: k.held[len(k.held)-1].o.name})
	}
	if k.preempt != 0 || k.bhOff != 0 || k.irqOff != 0 {
		k.Fail(&Violation{Kind: AtomicAtExit, Subject: k.name + " ends with preemption, softirqs or interrupts off, or switched on once too often"})
	}
	k.depart()
}
