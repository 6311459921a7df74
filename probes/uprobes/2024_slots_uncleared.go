package uprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// SlotsUncleared is [SlotsMovable] with the memory of the area as up to Linux 6.10:
// nobody clears it, and the mapping in it has a function for mremap that nobody sets.
var SlotsUncleared = add(Design{
	Design: probes.Design{
		Name:  "2024-slots-uncleared",
		Title: "as in 6.10: the mapping of the slots is not initialised",
		From:  "Linux 6.10, before commit e240b0fde52f",
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "slots-are-moved",
				Title:    "BUG: unable to handle kernel paging request in mremap_special",
				Why:      "the memory of the area holds what it held before, and mremap calls that",
			},
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
		d.slots.moves, d.slots.garbage = true, true
		return d
	},
})
