package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// UserAccessLeft is optimised probes up to Linux 5.6: the detour leaves the flag alone
// that lets the kernel access user space. An exception clears it; a jump does not.
var UserAccessLeft = addModern(Design{
	Design: probes.Design{
		Name:  "2020-user-access-left",
		Title: "as in 5.6: the handlers of an optimised probe run with user access as they find it",
		From:  "Linux 5.6, arch/x86/kernel/kprobes/opt.c; commit d8a738689794",
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "optimized-probe-with-user-access-open",
				Title:    "BUG: handler called with user access open in pre_handler",
				Why:      "a jump is no exception, and does not clear the flag",
			},
		},
	},
	Has: Jumps,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		d.former.optimizedCallback = d.callback
		return d
	},
})
