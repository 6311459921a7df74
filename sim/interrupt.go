package sim

import "strconv"

// A handler that is aimed at a CPU interrupts whatever runs there: the CPU's
// tasks go on when it has returned. A hardirq arrives unless interrupts are off
// or another one is being handled, a softirq unless it would be in the way of
// another, or softirqs are off, or a hardirq is being handled; a non-maskable
// interrupt always, other than during another.
//
// Where none is aimed at a CPU nothing of this is needed: an interrupt that has
// a CPU of its own (irq.go) comes at any time.

// ThisCPU stands for the number of the caller's CPU.
const ThisCPU = -1

// InterruptOn is [K.Interrupt] for an interrupt of a certain CPU: one that tasks
// are bound to, or any if they are shared ([Machine.ShareCPUs]).
func (k *K) InterruptOn(cpu int, name string, f func(k *K)) { k.interrupt(cpu, name, HardIRQ, f) }

// SoftirqOn is [K.RaiseSoftirq] for a softirq of a certain CPU. If the raiser
// runs there with softirqs off, or in a hardirq, it comes only after that.
func (k *K) SoftirqOn(cpu int, name string, f func(k *K)) { k.interrupt(cpu, name, SoftIRQ, f) }

// NMIOn is [K.InterruptOn] for an interrupt that cannot be masked: it comes also
// where interrupts are off.
func (k *K) NMIOn(cpu int, name string, f func(k *K)) { k.interrupt(cpu, name, NMI, f) }

func (k *K) interrupt(cpu int, name string, ctx Context, f func(k *K)) {
	c := k.c
	if cpu != ThisCPU {
		c = k.m.cpus.at(cpu)
	}
	if c == nil || c.many {
		panic("sim: CPU " + strconv.Itoa(cpu) + " cannot be interrupted: bind a task to it with GoOn, or share all with ShareCPUs")
	}
	k.m.spawnOn(k, name, false, ctx, c, f)
}

// mustShare panics if the CPUs of tasks that are bound to none cannot be stopped.
func (k *K) mustShare() {
	if !k.m.cpus.shared {
		panic("sim: IPIs and stop_machine need Machine.ShareCPUs in the setup")
	}
}

var (
	opIRQDisable = NewOp("local_irq_disable()")
	opIRQEnable  = NewOp("local_irq_enable()")
	opIRQSave    = NewOp("local_irq_save()")
	opIRQRestore = NewOp("local_irq_restore()")
	opBHDisable  = NewOp("local_bh_disable()")
	opBHEnable   = NewOp("local_bh_enable()")
)

// LocalIRQDisable is local_irq_disable(): no interrupt comes to this CPU until
// LocalIRQEnable.
func (k *K) LocalIRQDisable() { k.maskStep(opIRQDisable, k.preempt, k.bhOff, 1) }

// LocalIRQEnable is local_irq_enable(): interrupts are on again, however often
// they were switched off.
func (k *K) LocalIRQEnable() { k.maskStep(opIRQEnable, k.preempt, k.bhOff, 0) }

// LocalIRQSave is local_irq_save(): it switches interrupts off and returns the
// state to be given to LocalIRQRestore.
func (k *K) LocalIRQSave() (flags int) {
	flags = k.irqOff
	k.maskStep(opIRQSave, k.preempt, k.bhOff, flags+1)
	return flags
}

// LocalIRQRestore is local_irq_restore(): interrupts are on or off as they were.
func (k *K) LocalIRQRestore(flags int) { k.maskStep(opIRQRestore, k.preempt, k.bhOff, flags) }

// LocalBHDisable is local_bh_disable(): no softirq comes to this CPU until the
// matching LocalBHEnable.
func (k *K) LocalBHDisable() { k.maskStep(opBHDisable, k.preempt, k.bhOff+1, k.irqOff) }

// LocalBHEnable is local_bh_enable(): softirqs that were raised meanwhile come
// from now on.
func (k *K) LocalBHEnable() { k.maskStep(opBHEnable, k.preempt, k.bhOff-1, k.irqOff) }

// IRQsDisabled is irqs_disabled().
func (k *K) IRQsDisabled() bool { return k.irqOff > 0 || k.ctx >= HardIRQ }

var (
	opException = NewOp("asm_exc_entry()")
	opIret      = NewOp("iret()")
)

// Exception runs f as the handler of a trap, a breakpoint for one, that the code
// comes upon: in the same task, with interrupts off, and with no leave to sleep.
// It returns when f does. The name is for traces. Traps may nest.
func (k *K) Exception(name string, f func(k *K)) {
	preempt, bh, irq, held := k.preempt, k.bhOff, k.irqOff, len(k.held)
	k.mask(opException, preempt, bh, irq+1)
	k.traps++
	if k.Tracing() {
		k.Event(name, "entry")
	}
	f(k)
	if len(k.held) > held {
		k.Fail(&Violation{Kind: HeldAtExit, Subject: k.held[len(k.held)-1].o.name})
	}
	if k.preempt != preempt || k.bhOff != bh || k.irqOff != irq+1 {
		k.Fail(&Violation{Kind: AtomicAtExit, Subject: "the handler of " + name + " returns with preemption, softirqs or interrupts other than it found them"})
	}
	if k.Tracing() {
		k.Event(name, "exit")
	}
	k.traps--
	k.mask(opIret, preempt, bh, irq)
}
