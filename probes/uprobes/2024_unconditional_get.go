package uprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// UnconditionalGet is [TasksTrace] with a reference that is taken without a look whether
// there is one left: as lookups did while the tree had a reference of its own, which made
// that right. Commit 3f7f1a64da73 explains why it no longer is.
var UnconditionalGet = add(Design{
	Design: probes.Design{
		Name:  "2024-unconditional-get",
		Title: "a reference is taken to an uprobe that may be ending",
		From:  "Linux 6.12, what commit 3f7f1a64da73 (uprobes: revamp uprobe refcounting and lifetime management) warns of",
		Order: tasksTraceOrder,
		Fails: []probes.Failure{
			{
				Scenario: "mmap-while-unregistering",
				Title:    "WARNING: refcount bug in build_probe_list",
				Why:      "the uprobe is found in the tree when its last reference is gone already, and its work item has not come yet",
			},
			mremapForgets,
			{
				Scenario: "register-while-the-last-one-goes",
				Title:    "WARNING: refcount bug in alloc_uprobe",
				Why:      "the uprobe is found in the tree when its last reference is gone already, and its work item has not come yet",
			},
			{
				Scenario: "trap-between-two-registrations",
				Title:    "WARNING: refcount bug in alloc_uprobe",
				Why:      "the uprobe is found in the tree when its last reference is gone already, and its work item has not come yet",
			},
			{
				Scenario: "unregister-against-readpage",
				Title:    "WARNING: refcount bug in build_probe_list",
				Why:      "the uprobe is found in the tree when its last reference is gone already, and its work item has not come yet",
			},
			mremapForgetsToo,
			{
				Scenario: "mremap-while-unregistering",
				Title:    "WARNING: refcount bug in build_probe_list",
				Why:      "mremap looks uprobes up while the last reference of one goes, and takes it without asking",
			},
			mremapForgetsAgain,
			movedOffTheList,
		},
	},
	drawn: movedAndOverwritten,
	New:   func(k *sim.K) Scheme { return newTasksTrace(k, tasksTraceRules{unconditional: true}) },
})
