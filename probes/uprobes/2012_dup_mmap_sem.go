package uprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// DupMmapSem is uprobes on the way to Linux 3.9. Fork keeps register and unregister out
// (dup_mmap_sem); an uprobe is prepared by one task at a time, and a trap restarts until
// it is; mmap asks the consumers whether they want the process. Handlers are still called
// under consumer_rwsem, which mmap takes as well.
var DupMmapSem = add(Design{
	Design: probes.Design{
		Name:  "2012-dup-mmap-sem",
		Title: "fork keeps register out; mmap asks the consumers",
		From:  "Linux 3.8 and 3.9-rc, kernel/events/uprobes.c, commits 4710f05fd146, 142b18ddc813 and 32cdba1e0541, before e591c8d78e49",
		Order: mergedOrder,
		Fails: []probes.Failure{
			{
				Scenario: "handler-reads-user-memory",
				Title:    "possible deadlock in handler_chain",
				Why:      "the handler waits for mmap_sem under consumer_rwsem, which mmap asks for with mmap_sem held",
			},
			{
				Scenario: "trap-between-two-registrations",
				Title:    "BUG: wrong instruction stepped in execute",
				Why:      "the flag that says that the instruction was copied is seen before the copy: there are no barriers until v4.20",
				Model:    "lkmm",
			},
			mremapForgets,
			mremapForgetsToo,
			mremapForgetsAgain,
			movedOffTheList,
		},
	},
	drawn: movedAndOverwritten,
	New: func(k *sim.K) Scheme {
		return newMerged(k, mergedRules{restarts: true, writes: true, careful: true, dup: true, filters: true})
	},
})
