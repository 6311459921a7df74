package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// TrapHandler is kprobes from Linux 5.8 to 5.17: the C function that handles a
// breakpoint may have one itself.
var TrapHandler = addModern(Design{
	Design: probes.Design{
		Name:  "2022-trap-handler",
		Title: "as in 5.17: the function that handles breakpoints may be probed",
		From:  `Linux 5.17, arch/x86/kernel/traps.c; commit a365a65f9ca1 "x86/traps: Mark do_int3() NOKPROBE_SYMBOL"`,
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "probe-on-the-handler-of-breakpoints",
				Title:    "BUG: IRQ stack guard page was hit in do_int3",
				Why:      "the handler of breakpoints runs into a breakpoint",
			},
		},
	},
	Has: Addresses,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		d.former.withinBlacklist = func(Addr) bool { return false }
		return d
	},
})
