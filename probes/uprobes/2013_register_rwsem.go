package uprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// RegisterRwsem is [DupMmapSem] with a semaphore for each of the two things that
// consumer_rwsem was for: register_rwsem keeps unregister away while handlers run, and
// consumer_rwsem is held for the short walk over the consumers only.
var RegisterRwsem = add(Design{
	Design: probes.Design{
		Name:  "2013-register-rwsem",
		Title: "as in 3.9: handlers run under register_rwsem",
		From:  "Linux 3.9, kernel/events/uprobes.c, commit e591c8d78e49",
		Order: mergedOrder,
		Fails: []probes.Failure{
			{
				Scenario: "mremap-of-probed-text",
				Title:    "memory leak in alloc_page",
				Why:      "mremap tells uprobes of the new area; the page with the breakpoint that is put there is forgotten when the entries move",
			},
			{
				Scenario: "mremap-while-registering",
				Title:    "memory leak in alloc_page",
				Why:      "as in mremap-of-probed-text: the page that mremap has put in is forgotten when the entries move",
			},
			{
				Scenario: "mremap-while-unregistering",
				Title:    "memory leak in alloc_page",
				Why:      "as in mremap-of-probed-text: the page that mremap has put in is forgotten when the entries move",
			},
			{
				Scenario: "mremap-while-unregistering",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "unregister listed the old place, and the breakpoint has moved with the page to one that the list does not have",
			},
			movedAway, movedAndMissed, overwritten,
		},
	},
	New: func(k *sim.K) Scheme {
		return newMerged(k, mergedRules{restarts: true, writes: true, careful: true, dup: true, filters: true, registers: true})
	},
})
