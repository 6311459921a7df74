package uprobes

import (
	"slices"

	"trapline/probes"
	"trapline/sim"
)

const putTooOften = "a hit drops a reference that it does not have: the uprobe is freed while the tree and its consumers use it"

// LostReference is [RegisterRwsem] with a mistake of Linux 5.12-rc: find_uprobe() had come
// to look uprobes up with a helper of rb-trees, and returned them without a reference.
// Every hit then drops one that belongs to somebody else.
var LostReference = add(Design{
	Design: probes.Design{
		Name:  "2021-lost-reference",
		Title: "a lookup that forgets to take its reference",
		From:  "Linux 5.12-rc, commit c6bc9bd06dff, before b0d6d4789677 (uprobes: (Re)add missing get_uprobe() in __find_uprobe())",
		Order: mergedOrder,
		Fails: slices.Concat(
			failsAlike("KASAN: slab-use-after-free Write in find", putTooOften,
				"fork-while-registering", "fork-while-unregistering", "handler-reads-user-memory",
				"invalidate-while-registering", "mmap-while-registering", "mmap-while-unregistering",
				"owner-frees-after-unregister", "page-read-again-after-reclaim", "program-executes-while-registering",
				"program-executes-while-unregistering", "readahead-while-registering", "register-while-the-last-one-goes",
				"second-process-maps-while-registering", "trap-between-two-registrations", "text-mapped-again",
				"mremap-while-registering", "mremap-while-unregistering"),
			failsAlike("KASAN: slab-use-after-free Read in int3", putTooOften,
				"fork-while-unregistering", "mmap-while-unregistering", "owner-frees-after-unregister",
				"program-executes-while-unregistering", "trap-between-two-registrations", "mremap-while-unregistering"),
			failsAlike("KASAN: slab-use-after-free Read in handler_chain", putTooOften,
				"fork-while-unregistering", "mmap-while-unregistering", "owner-frees-after-unregister",
				"program-executes-while-unregistering", "trap-between-two-registrations", "mremap-while-unregistering"),
			failsAlike("KASAN: slab-use-after-free Write in put", putTooOften,
				"fork-while-unregistering", "mmap-while-unregistering", "owner-frees-after-unregister",
				"program-executes-while-unregistering", "trap-between-two-registrations", "mremap-while-unregistering"),
			failsAlike("KASAN: slab-use-after-free Write in build_probe_list", putTooOften,
				"handler-reads-user-memory"),
			[]probes.Failure{mremapForgets, movedOffTheList, mremapForgetsAgain},
		),
	},
	drawn: movedAndOverwritten,
	New: func(k *sim.K) Scheme {
		return newMerged(k, mergedRules{restarts: true, writes: true, careful: true, dup: true, filters: true, registers: true, ordered: true, lost: true})
	},
})
