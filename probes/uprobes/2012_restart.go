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
		Fails: []probes.Failure{
			{
				Scenario: "fork-while-registering",
				Title:    "memory leak in alloc_uprobe",
				Why:      "install_breakpoint finds no consumer or a breakpoint, and there is none when uprobe_mmap looks again: it goes on without put_uprobe",
			},
			{
				Scenario: "fork-while-unregistering",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "the child is not known to the file when unregister walks over those who map it, and has the breakpoint of its parent",
			},
			{
				Scenario: "mmap-while-registering",
				Title:    "memory leak in alloc_uprobe",
				Why:      "install_breakpoint finds no consumer or a breakpoint, and there is none when uprobe_mmap looks again: it goes on without put_uprobe",
			},
			{
				Scenario: "mremap-of-probed-text",
				Title:    "memory leak in alloc_page",
				Why:      "mremap tells uprobes of the new area; the page with the breakpoint that is put there is forgotten when the entries move",
			},
			{
				Scenario: "second-process-maps-while-registering",
				Title:    "memory leak in alloc_uprobe",
				Why:      "install_breakpoint finds no consumer or a breakpoint, and there is none when uprobe_mmap looks again: it goes on without put_uprobe",
			},
			{
				Scenario: "second-process-maps-while-registering",
				Title:    "BUG: wrong instruction stepped in execute",
				Why:      "two processes have the instruction copied at once, each under its own mmap_sem",
			},
			{
				Scenario: "thread-maps-while-another-unmaps",
				Title:    "memory leak in alloc_uprobe",
				Why:      "install_breakpoint finds no consumer or a breakpoint, and there is none when uprobe_mmap looks again: it goes on without put_uprobe",
			},
			{
				Scenario: "thread-unmaps-while-another-maps",
				Title:    "memory leak in alloc_uprobe",
				Why:      "install_breakpoint finds no consumer or a breakpoint, and there is none when uprobe_mmap looks again: it goes on without put_uprobe",
			},
			{
				Scenario: "trap-between-two-registrations",
				Title:    "BUG: wrong instruction stepped in execute",
				Why:      "the program has trapped for the old uprobe and finds the new one, into which no instruction was copied yet",
			},
			{
				Scenario: "trap-between-two-registrations",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "between the look at the tree and the look at the byte, which both are under mmap_sem for reading, another probe comes: its breakpoint is taken for the own one of the program",
			},
			{
				Scenario: "mremap-while-registering",
				Title:    "memory leak in alloc_page",
				Why:      "as in mremap-of-probed-text: the page that mremap has put in is forgotten when the entries move",
			},
			{
				Scenario: "mremap-while-registering",
				Title:    "memory leak in alloc_uprobe",
				Why:      "as in mmap-while-registering: uprobe_mmap forgets to put the uprobe when nobody wants it",
			},
			{
				Scenario: "mremap-while-unregistering",
				Title:    "memory leak in alloc_page",
				Why:      "as in mremap-of-probed-text: the page that mremap has put in is forgotten when the entries move",
			},
			{
				Scenario: "mremap-while-unregistering",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "unregister listed the old place, and the breakpoint has moved with the page to one that the list does not have",
			},
			movedAway, movedAndMissed, overwritten,
		},
	},
	New: func(k *sim.K) Scheme { return newMerged(k, mergedRules{restarts: true}) },
})
