package sim

import "errors"

// errAssumed is panicked to end a task whose assumption does not hold.
var errAssumed = errors.New("sim: the assumption does not hold")

// Assume ends the task if the condition is false, and has the execution count for
// nothing: it is one that cannot be, or that nobody wants to know of. The others go
// on, so that what they would do is explored all the same; a rule that they break
// counts, but nobody asks what was left undone. It is the assume() of model
// checkers; a loop that waits is better written as one, or with
// [Word.CondLoadAcquire].
func (k *K) Assume(condition bool) {
	if !condition && !k.setup && !k.m.aborting {
		k.m.outcome.Assumed = true
		panic(errAssumed)
	}
}
