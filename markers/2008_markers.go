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
		Fails: []probes.Failure{
			{
				Scenario: "two-operations-in-one-grace-period",
				Title:    "WARNING in set_marker",
				Why:      "the second user finds nothing pending, and changes the data of a single probe that is still connected",
			},
			{
				Scenario: "two-operations-in-one-grace-period",
				Title:    "BUG: probe called with the data of another in marker_probe_cb",
				Why:      "the wait before the callback comes too late: the entry was changed twice in one grace period",
			},
			{
				Scenario: "entry-looked-up-again",
				Title:    "memory leak in marker_entry_add_probe",
				Why:      "the entry went while the mutex was dropped, and with it the place for the array that was to be freed",
			},
			{
				Scenario: "removal-without-memory",
				Title:    "BUG: unable to handle kernel paging request in free_old_closure",
				Why:      "marker_probe_unregister does not look whether it got an error for an array, and has it freed",
			},
			{
				Scenario: "removal-without-memory",
				Title:    "KASAN: slab-use-after-free Read in marker_probe_cb",
				Why:      "the probe is still connected when its user frees the data",
			},
			arrayOfRemoval,
		},
	},
	New: func(k *sim.K) Scheme {
		return newSeveralProbes(k, &severalProbes{callRCUSched: true, plainInts: true, barrierAgain: true, rmbBeforeMulti: true})
	},
})

// arrayOfRemoval is what drawn programs with three probes find where two are asked about
// in entry-looked-up-again.
var arrayOfRemoval = probes.Failure{
	Scenario: "lifecycle",
	Title:    "memory leak in marker_entry_remove_probe",
	Why:      "as in entry-looked-up-again, and what is lost is the array that the removal of a third probe had made",
}
