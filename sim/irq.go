package sim

// Interrupt makes an interrupt pending that runs f: it arrives at a moment that
// the strategy chooses, after the step that is being taken, on a CPU of its own,
// and runs there with interrupts off. The device that the step has started is
// the usual caller. That an interrupt may also stop the very CPU that holds a
// lock is watched by lockdep ([IRQUnsafe]) instead of by a schedule; for one that
// does see [K.InterruptOn].
//
// The interrupt goes by the name of the task that caused it, a slash, and name,
// with a number if the task has caused one of that name before.
func (k *K) Interrupt(name string, f func(k *K)) {
	k.m.spawn(k, name, false, HardIRQ, f)
}

// RaiseSoftirq is Interrupt for work that runs as a softirq, with interrupts on.
func (k *K) RaiseSoftirq(name string, f func(k *K)) {
	k.m.spawn(k, name, false, SoftIRQ, f)
}
