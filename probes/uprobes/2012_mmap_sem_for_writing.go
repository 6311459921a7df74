package uprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// MmapSemForWriting is [Restarts] with mmap_sem taken for writing where text is changed,
// so that between looking an uprobe up and looking at the byte, both under mmap_sem, no
// other probe can come.
var MmapSemForWriting = add(Design{
	Design: probes.Design{
		Name:  "2012-mmap-sem-for-writing",
		Title: "as in 3.6: text is changed with mmap_sem held for writing",
		From:  "Linux 3.6, kernel/events/uprobes.c, commit 77fc4af1b59d",
		Order: mergedOrder,
		Fails: failsOf2012,
	},
	drawn: movedAndOverwritten,
	New:   func(k *sim.K) Scheme { return newMerged(k, mergedRules{restarts: true, writes: true}) },
})

// failsOf2012 is what Linux 3.5 and 3.6 got wrong alike.
var failsOf2012 = []probes.Failure{
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
	mremapForgetsToo,
	{
		Scenario: "mremap-while-registering",
		Title:    "memory leak in alloc_uprobe",
		Why:      "as in mmap-while-registering: uprobe_mmap forgets to put the uprobe when nobody wants it",
	},
	mremapForgetsAgain,
	movedOffTheList,
	mremapForgets,
}
