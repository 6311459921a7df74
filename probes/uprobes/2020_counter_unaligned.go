package uprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// CounterUnaligned is [Today] with counters as up to Linux 5.7: they may lie anywhere.
var CounterUnaligned = add(Design{
	Design: probes.Design{
		Name:  "2020-counter-unaligned",
		Title: "a counter may reach over the end of a page",
		From:  "Linux 5.7, uprobe_register() before commit 013b2deba9a6",
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "counter-at-the-end-of-a-page",
				Title:    "KASAN: out-of-bounds in add_to_counter",
				Why:      "the second byte of the counter lies behind the page that the kernel has mapped",
			},
		},
	},
	Has:   Counters,
	drawn: movedMeanwhile,
	New: func(k *sim.K) Scheme {
		d := newToday(k)
		d.counters.unaligned = true
		return d
	},
})
