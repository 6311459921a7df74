package markers

import "trapline/probes"

// What the patch as posted is known to get wrong.
var severalProbesFails = []probes.Failure{
	arrayOfRemoval,
	{
		Scenario: "ptype-before-multi",
		Title:    "BUG: unable to handle kernel paging request in marker_probe_cb",
		Why:      "there is no barrier between ptype and multi: a reader may load the array before there is one, and ptype after",
		Model:    "lkmm",
	},
	{
		Scenario: "probe-of-higher-priority",
		Title:    "BUG: unable to handle kernel paging request in marker_probe_cb",
		Why:      "the reader sees the new ptype and the old multi, which was no array: there is no barrier between the two loads",
		Model:    "lkmm",
	},
	{
		Scenario: "two-operations-in-one-grace-period",
		Title:    "WARNING in set_marker",
		Why:      "the second user finds nothing pending, and changes the data of a single probe that is still connected",
	},
	{
		Scenario: "two-operations-in-one-grace-period",
		Title:    "BUG: probe called with the data of another in marker_probe_cb",
		Why:      "both operations are in one grace period: a reader has loaded the first function, and then loads the data of the second",
	},
	{
		Scenario: "two-operations-in-one-grace-period",
		Title:    "WARNING: ODEBUG bug in marker_probe_register",
		Why:      "the mutex was dropped, and the other operation has queued the head of the entry meanwhile",
	},
	{
		Scenario: "two-operations-in-one-grace-period",
		Title:    "WARNING: ODEBUG bug in marker_probe_unregister",
		Why:      "the mutex was dropped, and the registration has queued the head of the entry meanwhile",
	},
	{
		Scenario: "two-operations-in-one-grace-period",
		Title:    "WARNING in free_old_closure",
		Why:      "rcu_pending was set again for the second operation, and the callback of the first clears it",
	},
	{
		Scenario: "two-operations-in-one-grace-period",
		Title:    "KASAN: double-free in free_old_closure",
		Why:      "oldptr was set again for the second operation before the callback of the first has read it: both free the same array",
	},
	{
		Scenario: "two-operations-in-one-grace-period",
		Title:    "memory leak in marker_entry_add_probe",
		Why:      "oldptr was set again for the second operation before the callback of the first has read it: nobody frees the first array",
	},
	{
		Scenario: "two-operations-in-one-grace-period",
		Title:    "KASAN: slab-use-after-free Read in marker_probe_cb",
		Why:      "the callback of the first operation frees the array of the second, before the grace period of that",
	},
	{
		Scenario: "entry-looked-up-again",
		Title:    "memory leak in marker_entry_add_probe",
		Why:      "the entry went while the mutex was dropped, and with it the place for the array that was to be freed",
	},
	{
		Scenario: "flags-that-share-a-word",
		Title:    "WARNING: ODEBUG bug in marker_probe_register",
		Why:      "the mutex was dropped, and the other operation has queued the head of the entry meanwhile",
	},
	{
		Scenario: "flags-that-share-a-word",
		Title:    "WARNING in free_old_closure",
		Why:      "the callback of the first operation stores the byte of both flags without the mutex: rcu_pending of the second is lost",
	},
	{
		Scenario: "flags-that-share-a-word",
		Title:    "KASAN: double-free in free_old_closure",
		Why:      "oldptr was set again for the second operation before the callback of the first has read it: both free the same array",
	},
	{
		Scenario: "flags-that-share-a-word",
		Title:    "memory leak in marker_entry_add_probe",
		Why:      "oldptr was set again for the second operation before the callback of the first has read it: nobody frees the first array",
	},
	{
		Scenario: "two-users-connect",
		Title:    "WARNING: ODEBUG bug in marker_probe_register",
		Why:      "the mutex was dropped, and the other operation has queued the head of the entry meanwhile",
	},
	{
		Scenario: "two-users-connect",
		Title:    "WARNING in free_old_closure",
		Why:      "the callback of the first operation stores the byte of both flags without the mutex: rcu_pending of the second is lost",
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
	{
		Scenario: "array-under-preemptible-rcu",
		Title:    "KASAN: slab-use-after-free Read in marker_probe_cb",
		Why:      "call_rcu does not wait for regions with preemption off",
	},
}
