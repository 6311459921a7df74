// Package contract is what probes owe those who use them, whatever they probe: that
// each execution calls the handlers once, and none that has gone; and that what is
// executed in place of an instruction is that instruction. What else a design owes is
// with the questions of its subsystem.
package contract

import (
	"fmt"
	"path"
	"runtime"

	"trapline/sim"
)

var (
	// MissedHit is an execution of the instruction that began after register had
	// returned, ended before unregister was called, and did not call the handlers
	// exactly once.
	MissedHit = sim.Kind{Name: "missed-hit", Class: "BUG: probe missed"}
	// LateHandler is a handler that runs after its unregister has returned.
	LateHandler = sim.Kind{Name: "late-handler", Class: "BUG: handler called after unregister"}
	// WrongOriginal is another instruction than that of the text, stepped.
	WrongOriginal = sim.Kind{Name: "wrong-original", Class: "BUG: wrong instruction stepped"}
	// Refused is an error from what the scenario cannot go on without: mostly a
	// design that does not want to register a second probe at an address.
	Refused = sim.Kind{Name: "refused", Class: "BUG: operation refused"}
)

var _ = sim.Plumbing("must_have_hit", "must_not_be_gone")

// MustHaveHit is for the end of an execution that called the handlers of a probe n
// times. must says that the probe was there from the beginning to the end of it.
func MustHaveHit(k *sim.K, probe string, n int, must bool) {
	if n > 1 || n == 0 && must {
		k.Fail(&sim.Violation{Kind: MissedHit, Subject: fmt.Sprintf("%s: the handler ran %d times for one execution", probe, n)})
	}
}

// MustNotBeGone is for a handler that is called. gone says that its unregister has
// returned.
func MustNotBeGone(k *sim.K, probe string, gone bool) {
	if gone {
		k.Fail(&sim.Violation{Kind: LateHandler, Subject: probe})
	}
}

// MustSucceed is for an error that the scenario which calls the caller cannot do
// anything about.
func MustSucceed(k *sim.K, err error) {
	if err == nil {
		return
	}
	_, file, line, _ := runtime.Caller(2)
	k.Fail(&sim.Violation{Kind: Refused, Subject: fmt.Sprintf("%v, and %s:%d cannot go on", err, path.Base(file), line)})
}
