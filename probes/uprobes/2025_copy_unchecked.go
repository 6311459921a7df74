package uprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// CopyUnchecked is [Today] with a mistake of Linux 6.14-rc: fork goes on with the copy
// of a call for which there was no memory.
var CopyUnchecked = add(Design{
	Design: probes.Design{
		Name:  "2025-copy-unchecked",
		Title: "the copy of a call is used without a look whether there is one",
		From:  "Linux 6.14-rc, dup_return_instance() before commit 02c56362a7d3",
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "fork-without-memory-in-a-probed-function",
				Title:    "BUG: unable to handle kernel paging request in dup_return_instance",
				Why:      "the memory for the copy could not be had, and is written to",
			},
			leaseLost,
		},
	},
	Has:   Returns,
	drawn: movedMeanwhile,
	New: func(k *sim.K) Scheme {
		d := newToday(k)
		d.returns.unchecked = true
		return d
	},
})
