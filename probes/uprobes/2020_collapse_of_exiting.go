package uprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// CollapseOfExiting is [Today] with the khugepaged of Linux 5.7, which takes page
// tables from processes that are ending.
var CollapseOfExiting = add(Design{
	Design: probes.Design{
		Name:  "2020-collapse-of-exiting",
		Title: "page tables are taken from processes that end",
		From:  "Linux 5.7, mm/khugepaged.c, retract_page_tables() before commit 18e77600f7a1",
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "collapse-while-exiting",
				Title:    "KASAN: slab-use-after-free Read in zap_page_range",
				Why:      "khugepaged holds mmap_sem, and the process that ends does not ask for it",
			},
		},
	},
	Has:   Collapses,
	drawn: movedMeanwhile,
	New: func(k *sim.K) Scheme {
		d := newToday(k)
		d.khugepaged.IgnoresExit = true
		return d
	},
})
