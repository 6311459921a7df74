package uprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// ForkForgetsReturns is [Today] with return probes as they came in Linux 3.10: fork
// copies the stack of the parent, and leaves behind what is known of the calls that it
// is in.
var ForkForgetsReturns = add(Design{
	Design: probes.Design{
		Name:  "2013-fork-forgets-returns",
		Title: "a child has trampolines on its stack, and nothing of what they stand for",
		From:  "Linux 3.12, before commits aa59c53fd459 and 248d3a7b2f10",
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "child-returns-from-a-probed-function",
				Title:    "BUG: program killed in return",
				Why:      "the child returns to the trampoline of its parent, in a page that is not copied",
			},
			leaseLost,
		},
	},
	Has:   Returns,
	drawn: movedMeanwhile,
	New: func(k *sim.K) Scheme {
		d := newToday(k)
		d.returns.forgets = true
		return d
	},
})
