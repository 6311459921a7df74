package sim

// sleep blocks k until another task has called wakeUp for it. What it waits for
// is named in reports.
func (k *K) sleep(op Op, what *Object) {
	k.wake.Forbid(woken)
	k.wake.name, k.wake.holder = what.name, what.holder
	k.StepWait(op, &k.wake, Write, woken)
}

// wakeUp lets a sleeping task go on, as part of the step being taken.
func (k *K) wakeUp(sleeper *K) {
	k.Touch(&sleeper.wake, Write)
	sleeper.wake.Allow(woken)
}
