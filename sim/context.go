package sim

// Context is what a piece of kernel code runs in, and so what it may do.
type Context uint8

// The contexts, from the one that may sleep to the ones that may not.
const (
	Task Context = iota
	SoftIRQ
	HardIRQ
	NMI
	// Trap is the handler of an exception, which interrupts nobody but its own
	// task.
	Trap
)

// Context says what the code runs in.
func (k *K) Context() Context {
	if k.traps > 0 {
		return Trap
	}
	return k.ctx
}

var (
	opPreemptDisable = NewOp("preempt_disable()")
	opPreemptEnable  = NewOp("preempt_enable()")
	opMightSleep     = NewOp("might_sleep()")
)

// PreemptDisable is preempt_disable(): until the matching PreemptEnable the
// task must not sleep. It is a step only where a grace period may wait for it or
// others share the CPU, and so are its like.
func (k *K) PreemptDisable() { k.maskStep(opPreemptDisable, k.preempt+1, k.bhOff, k.irqOff) }

// PreemptEnable is preempt_enable().
func (k *K) PreemptEnable() { k.maskStep(opPreemptEnable, k.preempt-1, k.bhOff, k.irqOff) }

// inAtomic says that the code must not sleep.
func (k *K) inAtomic() bool {
	return k.ctx != Task || k.preempt > 0 || k.bhOff > 0 || k.irqOff > 0 || k.rcuPreemptDepth() > 0
}

// preemptible is preemptible(). Where the readers of rcu_read_lock() can be
// preempted, code that is one is preemptible although it must not sleep.
func (k *K) preemptible() bool {
	return k.ctx == Task && k.preempt <= 0 && k.bhOff <= 0 && k.irqOff <= 0
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
