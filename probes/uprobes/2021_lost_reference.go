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
	},
	New: func(k *sim.K) Scheme {
		return newMerged(k, mergedRules{restarts: true, writes: true, careful: true, dup: true, filters: true, registers: true, lost: true})
	},
})
