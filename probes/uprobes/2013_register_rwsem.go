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
			mremapForgets,
			mremapForgetsToo,
			mremapForgetsAgain,
			movedOffTheList,
		},
	},
	drawn: movedAndOverwritten,
	New: func(k *sim.K) Scheme {
		return newMerged(k, mergedRules{restarts: true, writes: true, careful: true, dup: true, filters: true, registers: true})
	},
})
