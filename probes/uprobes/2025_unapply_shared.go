package uprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// UnapplyShared is [Today] with mmap_sem held for reading where a thread takes the
// breakpoint out of its own process, as up to Linux 6.17. For one byte that is enough.
var UnapplyShared = add(Design{
	Design: probes.Design{
		Name:  "2025-unapply-shared",
		Title: "a handler has its breakpoint removed under mmap_sem held for reading",
		From:  "what commit 7769cb177b23 of Linux 6.18 prevents: unapply_uprobe() as in 6.17, with calls",
		Order: todaysOrder,
		Fails: append([]probes.Failure{
			{
				Scenario: "two-handlers-remove-a-call",
				Title:    "BUG: program text corrupted in execute_if_mapped",
				Why:      "one thread is about to put the instruction back behind a breakpoint, which the other takes for a plain one",
			},
		}, callsOfToday...),
	},
	Has:   Filters | Calls,
	drawn: movedMeanwhile,
	New: func(k *sim.K) Scheme {
		d := newToday(k)
		d.calls.shared = true
		return d
	},
})
