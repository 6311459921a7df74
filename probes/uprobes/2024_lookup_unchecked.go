package uprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// LookupUnchecked is [LookupSeqcount] without the seqcount: who finds nothing in the tree
// takes it that nothing is there.
var LookupUnchecked = add(Design{
	Design: probes.Design{
		Name:  "2024-lookup-unchecked",
		Title: "lookups without a lock or a seqcount in a tree that turns",
		From:  "Linux 6.18, what uprobes_seqcount of commit cd7bdd9d46a9 prevents",
		Order: tasksTraceOrder,
		Fails: []probes.Failure{
			{
				Scenario: "lookup-while-the-tree-turns",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "the lookup comes while another uprobe is entered, misses the one that is there, and the breakpoint is taken for the own one of the program",
			},
		},
	},
	Has:   Lookups,
	drawn: movedMeanwhile,
	New:   func(k *sim.K) Scheme { return newLookups(k, true) },
})
