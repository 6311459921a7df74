package uprobes

import (
	"trapline/probes"
	"trapline/sim"
	"trapline/vm"
)

// SkipMoved is [TasksTrace] with what Linux 6.16 has changed: mremap says that an area is
// one that pages are about to be moved to, and no breakpoint is put in there.
var SkipMoved = add(Design{
	Design: probes.Design{
		Name:  "2025-skip-moved",
		Title: "as in 6.16: areas that mremap moves pages to are left alone",
		From:  "Linux 6.16, commit 2b12d06c37fd (mm: fix uprobe pte be overwritten when expanding vma)",
		Order: tasksTraceOrder,
		Fails: []probes.Failure{movedUnseen, movedOffTheList},
	},
	drawn: movedMeanwhile,
	New:   func(k *sim.K) Scheme { return &skipMoved{newTasksTrace(k, tasksTraceRules{})} },
})

type skipMoved struct{ *tasksTrace }

// MmapMoved implements [vm.MovedMmap].
func (*skipMoved) MmapMoved(*sim.K, *vm.VMA) {}

// What goes wrong when text is moved. The first three are of all who are told of the area
// that it is about to be moved to.
var (
	mremapForgets = probes.Failure{
		Scenario: "mremap-of-probed-text",
		Title:    "memory leak in alloc_page",
		Why:      "mremap tells uprobes of the new area; the page with the breakpoint that is put there is forgotten when the entries move",
	}
	mremapForgetsToo = probes.Failure{
		Scenario: "mremap-while-registering",
		Title:    "memory leak in alloc_page",
		Why:      "as in mremap-of-probed-text: the page that mremap has put in is forgotten when the entries move",
	}
	mremapForgetsAgain = probes.Failure{
		Scenario: "mremap-while-unregistering",
		Title:    "memory leak in alloc_page",
		Why:      "as in mremap-of-probed-text: the page that mremap has put in is forgotten when the entries move",
	}
	movedOffTheList = probes.Failure{
		Scenario: "mremap-while-unregistering",
		Title:    "BUG: program killed by SIGTRAP in do_int3",
		Why:      "unregister listed the old place, and the breakpoint has moved with the page to one that the list does not have",
	}
	movedUnseen = probes.Failure{
		Scenario: "mremap-while-registering",
		Title:    "BUG: probe missed in execute",
		Why:      "register listed the old place; the text has gone from there to one that the list does not have",
	}
)
