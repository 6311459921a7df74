package uprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// SlotsMovable is [Today] with the mapping of the slots as up to Linux 6.12: mremap may
// move it.
var SlotsMovable = add(Design{
	Design: probes.Design{
		Name:  "2024-slots-movable",
		Title: "as in 6.12: mremap moves the page of slots",
		From:  "Linux 6.12, before commit c16e2fdd746c",
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "slots-are-moved",
				Title:    "BUG: program killed in do_int3",
				Why:      "the page is somewhere else by now, and the thread is sent to where it was",
			},
		},
	},
	Has:   Slots,
	drawn: movedMeanwhile,
	New: func(k *sim.K) Scheme {
		d := newToday(k)
		d.slots.moves = true
		return d
	},
})
