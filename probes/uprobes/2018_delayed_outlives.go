package uprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// DelayedOutlives is [Today] with a mistake of Linux 4.20-rc: a note to count the probe
// in a program, when its counter is mapped, is left when the uprobe is freed.
var DelayedOutlives = add(Design{
	Design: probes.Design{
		Name:  "2018-delayed-outlives",
		Title: "what waits for a counter outlives its uprobe",
		From:  "Linux 4.20-rc, put_uprobe() before commit 1aed58e67a6e",
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "counter-of-a-probe-that-has-gone",
				Title:    "KASAN: slab-use-after-free Read in delayed_ref_ctr_inc",
				Why:      "there was no breakpoint to remove, and so nobody has removed the note",
			},
		},
	},
	Has:   Counters,
	drawn: movedMeanwhile,
	New: func(k *sim.K) Scheme {
		d := newToday(k)
		d.counters.outlives = true
		return d
	},
})
