package uprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// MunlockEvery is [Today] with the __replace_page() of Linux 5.4 to 5.8. get_user_pages()
// with FOLL_SPLIT_PMD has left the huge page whole and split its entry only, and the part
// of it that the breakpoint takes the place of is munlocked all the same.
var MunlockEvery = add(Design{
	Design: probes.Design{
		Name:  "2020-munlock-every",
		Title: "a part of a huge page is munlocked like a page",
		From:  "Linux 5.8, kernel/events/uprobes.c, __replace_page() before commit c17c3dc9d08b",
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "text-locked-while-registering",
				Title:    "kernel BUG in munlock_vma_page",
				Why:      "the area is locked in memory, and the page that goes is not the first part of its huge page, by which that is locked",
			},
		},
	},
	Has:   Locked,
	drawn: movedMeanwhile,
	New:   func(k *sim.K) Scheme { return &munlockEvery{newToday(k)} },
})

type munlockEvery struct{ *today }

// MunlocksEvery implements [vm.EveryMunlock].
func (*munlockEvery) MunlocksEvery() {}
