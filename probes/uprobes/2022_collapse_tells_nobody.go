package uprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// CollapseTellsNobody is [Today] with the khugepaged of Linux 6.0, which does not wait
// for walks without a lock before it frees a page table.
var CollapseTellsNobody = add(Design{
	Design: probes.Design{
		Name:  "2022-collapse-tells-nobody",
		Title: "page tables are freed under walks with interrupts off",
		From:  "Linux 6.0, mm/khugepaged.c, before commit 2ba99c5e0881",
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "collapse-while-looking",
				Title:    "KASAN: slab-use-after-free Read in get_user_page_fast",
				Why:      "the page table is freed between two looks of a walk that has only interrupts off",
			},
		},
	},
	Has:   Collapses,
	drawn: movedMeanwhile,
	New: func(k *sim.K) Scheme {
		d := newToday(k)
		d.khugepaged.TellsNobody = true
		return d
	},
})
