package uprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// UtaskFreedFirst is [Today] with the end of a thread as in Linux 6.12: what probes
// keep for it is freed, and then the pointer is cleared.
var UtaskFreedFirst = add(Design{
	Design: probes.Design{
		Name:  "2024-utask-freed-first",
		Title: "current->utask is cleared when the task has freed it",
		From:  "Linux 6.12, uprobe_free_utask() before commit b583ef82b671",
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "profiler-looks-at-a-thread-that-ends",
				Title:    "KASAN: slab-use-after-free Read in is_uprobe_at_func_entry",
				Why:      "the interrupt comes when utask is free, and current->utask still leads to it",
			},
			leaseLost,
		},
	},
	Has:   Returns,
	drawn: movedMeanwhile,
	New: func(k *sim.K) Scheme {
		d := newToday(k)
		d.returns.freesFirst = true
		return d
	},
})
