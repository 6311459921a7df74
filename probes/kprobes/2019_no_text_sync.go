package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// NoTextSync is kprobes up to Linux 5.4, with all of today's features: after a
// breakpoint is written or removed nobody tells the other CPUs. The optimizer then
// waits for a grace period of RCU Tasks, as if that had made the breakpoint visible to
// all.
var NoTextSync = addModern(Design{
	Design: probes.Design{
		Name:  "2019-no-text-sync",
		Title: "as in 5.4: a grace period stands for the visibility of an instruction",
		From:  `Linux 5.4, arch/x86/kernel/kprobes/core.c; tip commit 5b8ad1c9bc44 "x86/kprobes: Fix ordering while text-patching"`,
		Order: todaysOrder,
		Fails: []probes.Failure{
			notSeen, comesBack,
			{
				Scenario: "optimized-where-nobody-looks",
				Title:    "BUG: probe missed in execute",
				Why:      "the breakpoint is written, and a CPU executes what it has fetched before",
			},
			{
				Scenario: "optimized-where-nobody-looks",
				Title:    "invalid opcode: 0000 [#1] in execute",
				Why:      "a CPU that does not see the breakpoint yet comes behind the first instruction after the optimizer has waited, and the jump is written under it",
			},
		},
	},
	Has: Breakpoints | Jumps,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		d.former.syncAfterArm = func(*sim.K) {}
		return d
	},
})
