package uprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// CollapseLooksOnce is [Today] with the khugepaged of Linux 6.1, which looks for
// private pages before it has mmap_sem, and not again.
var CollapseLooksOnce = add(Design{
	Design: probes.Design{
		Name:  "2022-collapse-looks-once",
		Title: "private pages are looked for without mmap_sem only",
		From:  "Linux 6.1, mm/khugepaged.c, retract_page_tables() before commit 023f47a8250c",
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "collapse-while-registering",
				Title:    "BUG: probe missed in execute",
				Why:      "the area has got a private page after khugepaged had looked for one, and that goes with the page table",
			},
			{
				Scenario: "collapse-while-registering",
				Title:    "memory leak in alloc_page",
				Why:      "the area has got a private page after khugepaged had looked for one, and that goes with the page table",
			},
		},
	},
	Has:   Collapses,
	drawn: movedMeanwhile,
	New: func(k *sim.K) Scheme {
		d := newToday(k)
		d.khugepaged.LooksOnce = true
		return d
	},
})
