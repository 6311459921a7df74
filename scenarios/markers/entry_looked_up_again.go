package markers

import (
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// EntryLookedUpAgain has two users disconnect the two probes of a marker at the same
// time.
var EntryLookedUpAgain = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "entry-looked-up-again",
		Asks: "Is what an operation has taken out freed if the entry goes meanwhile?",
		From: "marker_probe_unregister in the patch, as merged: get_marker(name) is called once " +
			"more when the mutex is taken again, \"if (!entry) goto end\"",
		Story: "An operation that has taken an array out of the entry drops the mutex to update the " +
			"markers, and looks the entry up again by its name to hang the array on it for RCU to " +
			"free. If somebody else has taken the last probe away in between the entry is gone: " +
			"the operation returns an error, and nobody frees the array. If a third one has made " +
			"a new entry of that name, the array is hung on that. The repaired design keeps the " +
			"mutex; tracepoints have the rcu_head in the array itself.",
	},
	Setup: func(w *World) {
		m := w.Marker("event")
		p1, p2 := w.Probe(m, "p1"), w.Probe(m, "p2")
		w.Boot(func(k *sim.K) {
			_ = w.Register(k, p1)
			_ = w.Register(k, p2)
			w.settle(k)
		})
		w.Go("first", func(k *sim.K) { w.Unregister(k, p1) })
		w.Go("second", func(k *sim.K) { w.Unregister(k, p2) })
	},
})
