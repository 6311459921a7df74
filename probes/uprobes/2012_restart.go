package uprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// Restarts is [Merged] with what took the place of SRCU on the way to Linux 3.6: a trap
// that finds no uprobe looks at the byte again. If the breakpoint is gone, the program
// executes the instruction once more; if it is there, it is the program's own.
var Restarts = add(Design{
	Design: probes.Design{
		Name:  "2012-restart",
		Title: "a trap without an uprobe looks at the byte again",
		From:  "Linux 3.6-rc, kernel/events/uprobes.c, before commit 77fc4af1b59d",
		Order: mergedOrder,
		Fails: append([]probes.Failure{
			{
				Scenario: "trap-between-two-registrations",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "between the look at the tree and the look at the byte, which both are under mmap_sem for reading, another probe comes: its breakpoint is taken for the own one of the program",
			},
		}, failsOf2012...),
	},
	drawn: movedAndOverwritten,
	New:   func(k *sim.K) Scheme { return newMerged(k, mergedRules{restarts: true}) },
})
