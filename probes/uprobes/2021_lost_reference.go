package uprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// LostReference is [RegisterRwsem] with a mistake of Linux 5.12-rc: find_uprobe() had come
// to look uprobes up with a helper of rb-trees, and returned them without a reference.
// Every hit then drops one that belongs to somebody else.
var LostReference = add(Design{
	Design: probes.Design{
		Name:  "2021-lost-reference",
		Title: "a lookup that forgets to take its reference",
		From:  "Linux 5.12-rc, commit c6bc9bd06dff, before b0d6d4789677 (uprobes: (Re)add missing get_uprobe() in __find_uprobe())",
		Order: mergedOrder,
		Fails: []probes.Failure{
			{
				Scenario: "fork-while-registering",
				Title:    "KASAN: slab-use-after-free Write in find",
				Why:      "a hit drops a reference that it does not have: the uprobe is freed while the tree and its consumers use it",
			},
			{
				Scenario: "fork-while-unregistering",
				Title:    "KASAN: slab-use-after-free Write in find",
				Why:      "a hit drops a reference that it does not have: the uprobe is freed while the tree and its consumers use it",
			},
			{
				Scenario: "fork-while-unregistering",
				Title:    "KASAN: slab-use-after-free Read in int3",
				Why:      "a hit drops a reference that it does not have: the uprobe is freed while the tree and its consumers use it",
			},
			{
				Scenario: "fork-while-unregistering",
				Title:    "KASAN: slab-use-after-free Read in handler_chain",
				Why:      "a hit drops a reference that it does not have: the uprobe is freed while the tree and its consumers use it",
			},
			{
				Scenario: "fork-while-unregistering",
				Title:    "KASAN: slab-use-after-free Write in put",
				Why:      "a hit drops a reference that it does not have: the uprobe is freed while the tree and its consumers use it",
			},
			{
				Scenario: "handler-reads-user-memory",
				Title:    "KASAN: slab-use-after-free Write in find",
				Why:      "a hit drops a reference that it does not have: the uprobe is freed while the tree and its consumers use it",
			},
			{
				Scenario: "handler-reads-user-memory",
				Title:    "KASAN: slab-use-after-free Write in build_probe_list",
				Why:      "a hit drops a reference that it does not have: the uprobe is freed while the tree and its consumers use it",
			},
			{
				Scenario: "invalidate-while-registering",
				Title:    "KASAN: slab-use-after-free Write in find",
				Why:      "a hit drops a reference that it does not have: the uprobe is freed while the tree and its consumers use it",
			},
			{
				Scenario: "mmap-while-registering",
				Title:    "KASAN: slab-use-after-free Write in find",
				Why:      "a hit drops a reference that it does not have: the uprobe is freed while the tree and its consumers use it",
			},
			{
				Scenario: "mmap-while-unregistering",
				Title:    "KASAN: slab-use-after-free Write in find",
				Why:      "a hit drops a reference that it does not have: the uprobe is freed while the tree and its consumers use it",
			},
			{
				Scenario: "mmap-while-unregistering",
				Title:    "KASAN: slab-use-after-free Read in int3",
				Why:      "a hit drops a reference that it does not have: the uprobe is freed while the tree and its consumers use it",
			},
			{
				Scenario: "mmap-while-unregistering",
				Title:    "KASAN: slab-use-after-free Read in handler_chain",
				Why:      "a hit drops a reference that it does not have: the uprobe is freed while the tree and its consumers use it",
			},
			{
				Scenario: "mmap-while-unregistering",
				Title:    "KASAN: slab-use-after-free Write in put",
				Why:      "a hit drops a reference that it does not have: the uprobe is freed while the tree and its consumers use it",
			},
			mremapForgets,
			{
				Scenario: "owner-frees-after-unregister",
				Title:    "KASAN: slab-use-after-free Write in find",
				Why:      "a hit drops a reference that it does not have: the uprobe is freed while the tree and its consumers use it",
			},
			{
				Scenario: "owner-frees-after-unregister",
				Title:    "KASAN: slab-use-after-free Read in int3",
				Why:      "a hit drops a reference that it does not have: the uprobe is freed while the tree and its consumers use it",
			},
			{
				Scenario: "owner-frees-after-unregister",
				Title:    "KASAN: slab-use-after-free Read in handler_chain",
				Why:      "a hit drops a reference that it does not have: the uprobe is freed while the tree and its consumers use it",
			},
			{
				Scenario: "owner-frees-after-unregister",
				Title:    "KASAN: slab-use-after-free Write in put",
				Why:      "a hit drops a reference that it does not have: the uprobe is freed while the tree and its consumers use it",
			},
			{
				Scenario: "page-read-again-after-reclaim",
				Title:    "KASAN: slab-use-after-free Write in find",
				Why:      "a hit drops a reference that it does not have: the uprobe is freed while the tree and its consumers use it",
			},
			{
				Scenario: "program-executes-while-registering",
				Title:    "KASAN: slab-use-after-free Write in find",
				Why:      "a hit drops a reference that it does not have: the uprobe is freed while the tree and its consumers use it",
			},
			{
				Scenario: "program-executes-while-unregistering",
				Title:    "KASAN: slab-use-after-free Write in find",
				Why:      "a hit drops a reference that it does not have: the uprobe is freed while the tree and its consumers use it",
			},
			{
				Scenario: "program-executes-while-unregistering",
				Title:    "KASAN: slab-use-after-free Read in int3",
				Why:      "a hit drops a reference that it does not have: the uprobe is freed while the tree and its consumers use it",
			},
			{
				Scenario: "program-executes-while-unregistering",
				Title:    "KASAN: slab-use-after-free Read in handler_chain",
				Why:      "a hit drops a reference that it does not have: the uprobe is freed while the tree and its consumers use it",
			},
			{
				Scenario: "program-executes-while-unregistering",
				Title:    "KASAN: slab-use-after-free Write in put",
				Why:      "a hit drops a reference that it does not have: the uprobe is freed while the tree and its consumers use it",
			},
			{
				Scenario: "readahead-while-registering",
				Title:    "KASAN: slab-use-after-free Write in find",
				Why:      "a hit drops a reference that it does not have: the uprobe is freed while the tree and its consumers use it",
			},
			{
				Scenario: "register-while-the-last-one-goes",
				Title:    "KASAN: slab-use-after-free Write in find",
				Why:      "a hit drops a reference that it does not have: the uprobe is freed while the tree and its consumers use it",
			},
			{
				Scenario: "second-process-maps-while-registering",
				Title:    "KASAN: slab-use-after-free Write in find",
				Why:      "a hit drops a reference that it does not have: the uprobe is freed while the tree and its consumers use it",
			},
			{
				Scenario: "trap-between-two-registrations",
				Title:    "KASAN: slab-use-after-free Write in find",
				Why:      "a hit drops a reference that it does not have: the uprobe is freed while the tree and its consumers use it",
			},
			{
				Scenario: "trap-between-two-registrations",
				Title:    "KASAN: slab-use-after-free Write in put",
				Why:      "a hit drops a reference that it does not have: the uprobe is freed while the tree and its consumers use it",
			},
			{
				Scenario: "trap-between-two-registrations",
				Title:    "KASAN: slab-use-after-free Read in int3",
				Why:      "a hit drops a reference that it does not have: the uprobe is freed while the tree and its consumers use it",
			},
			{
				Scenario: "trap-between-two-registrations",
				Title:    "KASAN: slab-use-after-free Read in handler_chain",
				Why:      "a hit drops a reference that it does not have: the uprobe is freed while the tree and its consumers use it",
			},
			{
				Scenario: "text-mapped-again",
				Title:    "KASAN: slab-use-after-free Write in find",
				Why:      "a hit drops a reference that it does not have: the uprobe is freed while the tree and its consumers use it",
			},
			{
				Scenario: "mremap-while-registering",
				Title:    "KASAN: slab-use-after-free Write in find",
				Why:      "a lookup has put the uprobe and uses it all the same, so that one reference is lost for each trap or mremap",
			},
			{
				Scenario: "mremap-while-unregistering",
				Title:    "KASAN: slab-use-after-free Write in find",
				Why:      "a lookup has put the uprobe and uses it all the same, so that one reference is lost for each trap or mremap",
			},
			movedOffTheList,
			{
				Scenario: "mremap-while-unregistering",
				Title:    "KASAN: slab-use-after-free Read in handler_chain",
				Why:      "as with the lookup: the uprobe went under the trap",
			},
			mremapForgetsAgain,
			{
				Scenario: "mremap-while-unregistering",
				Title:    "KASAN: slab-use-after-free Read in int3",
				Why:      "as with the lookup: the uprobe went under the trap",
			},
			{
				Scenario: "mremap-while-unregistering",
				Title:    "KASAN: slab-use-after-free Write in put",
				Why:      "as with the lookup: the reference that is put was put before",
			},
		},
	},
	drawn: movedAndOverwritten,
	New: func(k *sim.K) Scheme {
		return newMerged(k, mergedRules{restarts: true, writes: true, careful: true, dup: true, filters: true, registers: true, lost: true})
	},
})
