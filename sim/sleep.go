package sim

// sleep blocks k, in a call that op and what describe, until another task has
// called wakeUp for it with w.
func (k *K) sleep(op Op, what *Object, w Wait) {
	k.wake.name = what.name
	k.inCall, k.waitsFor = op, what
	k.fallAsleep()
	k.StepWait(opSleep, &k.wake, Write, w)
	k.waitsFor = nil
}

var opSleep = NewOp("schedule() on %s")

// wakeUp lets a sleeping task go on, as part of the step being taken.
func (k *K) wakeUp(sleeper *K, w Wait) {
	k.Touch(&sleeper.wake, Write)
	sleeper.wake.Allow(w)
}
