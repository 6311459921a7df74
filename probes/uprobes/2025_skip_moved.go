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
	},
	New: func(k *sim.K) Scheme { return &skipMoved{newTasksTrace(k, tasksTraceRules{})} },
})

type skipMoved struct{ *tasksTrace }

// MmapMoved implements [vm.MovedMmap].
func (*skipMoved) MmapMoved(*sim.K, *vm.VMA) {}

// mremapForgets is what all who are told of such areas get wrong.
var mremapForgets = probes.Failure{
	Scenario: "mremap-of-probed-text",
	Title:    "memory leak in alloc_page",
	Why:      "mremap tells uprobes of the new area; the page with the breakpoint that is put there is forgotten when the entries move",
}
