package uprobes

import (
	"trapline/probes"
	"trapline/sim"
	"trapline/vm"
)

// UnstableUnchecked is [Today] as Linux 6.8 to 6.13 were: who registers does not ask
// whether fork has given an address space up.
var UnstableUnchecked = add(Design{
	Design: probes.Design{
		Name:  "2024-unstable-unchecked",
		Title: "breakpoints are put into children that fork has given up",
		From:  "Linux 6.13, register_for_each_vma() before commit 64c37e134b12",
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "fork-fails-while-registering",
				Title:    "BUG: unable to handle kernel paging request in anon_vma_prepare",
				Why:      "the child is linked to the file, and its tree of areas ends with a mark that is no area",
			},
		},
	},
	Has:   FailedForks,
	drawn: movedMeanwhile,
	New: func(k *sim.K) Scheme {
		d := newToday(k)
		d.steps.isUnstable = func(*sim.K, *vm.MM) bool { return false }
		return d
	},
})
