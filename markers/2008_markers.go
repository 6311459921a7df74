package markers

import (
	"trapline/probes"
	"trapline/sim"
)

// Markers2008 is what became of the patch: the flags are ints, readers and callbacks are
// of the same flavour of RCU, a callback that is under way is waited for before its head
// is queued again, and ptype is read before the array. An operation still drops the mutex
// in the middle.
var Markers2008 = add(Design{
	Design: probes.Design{
		Name:  "2008-markers",
		Title: "as it was in 2.6.28: ints, rcu_sched, a barrier before each callback",
		From:  "Linux 2.6.28, kernel/marker.c, Mathieu Desnoyers, Lai Jiangshan",
		Order: []string{"module_mutex", "markers_mutex"},
	},
	New: func(k *sim.K) Scheme {
		return newSeveralProbes(k, &severalProbes{callRCUSched: true, plainInts: true, barrierAgain: true, rmbBeforeMulti: true})
	},
})
