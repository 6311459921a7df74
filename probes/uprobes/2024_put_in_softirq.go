package uprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// PutInSoftirq is [Today] without the work item that frees an uprobe: whoever gives the
// last reference back does so, and that may be the timer of the leases.
var PutInSoftirq = add(Design{
	Design: probes.Design{
		Name:  "2024-put-in-softirq",
		Title: "the last put_uprobe() frees the uprobe at once",
		From:  "Linux 6.13, what commit 2bf8e5aceff8 prepares dd1a7567784e for",
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "lease-expires-while-unregistering",
				Title:    "inconsistent lock state in uprobe_free_deferred",
				Why:      "the timer has the last reference, and takes uprobes_treelock, which others hold while softirqs can come",
			},
			leaseLost,
		},
	},
	Has:   Returns,
	drawn: movedMeanwhile,
	New: func(k *sim.K) Scheme {
		d := newToday(k)
		d.steps.lastPut = d.uprobeFreeDeferred
		return d
	},
})
