package markers

import (
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// RemovalWithoutMemory disconnects one of three probes of a marker when memory may
// have run out. Its user frees the data when it has waited for readers, and never
// asks whether the probe was disconnected.
var RemovalWithoutMemory = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "removal-without-memory",
		Asks: "Is a probe disconnected if there is no memory for the array without it?",
		From: "marker_entry_remove_probe in the patch, as merged: \"return ERR_PTR(-ENOMEM)\", and " +
			"its caller, which does not look; befe6d946551 (\"tracepoint: Do not fail " +
			"unregistering a probe due to memory failure\")",
		Story: "An array is never changed where readers walk it, so a removal needs a smaller one, " +
			"and that may fail. The patch returns an error where a pointer to the old array is " +
			"expected; unregister does not look at it, and has RCU free it. Tracepoints returned " +
			"the error to the user. But who unregisters is about to free the data, or unload the " +
			"module, and has no use for an error. Since 5.11 the function is overwritten with one " +
			"that does nothing if the array cannot be replaced: the removal cannot fail.",
	},
	Setup: func(w *World) {
		m := w.Marker("event")
		p1, p2, p3 := w.Probe(m, "p1"), w.Probe(m, "p2"), w.Probe(m, "p3")
		must(w.K, w.Register(w.K, p1))
		_, _ = w.Register(w.K, p2), w.Register(w.K, p3) // a marker may have one probe only
		w.M.AllocMayFail = true
		w.Go("hit", func(k *sim.K) { w.TraceEvent(k, m) })
		w.Go("user", func(k *sim.K) { w.Retire(k, p1) })
	},
})
