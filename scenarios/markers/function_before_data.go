package markers

import (
	"trapline/scenarios/catalogue"
	"trapline/sim"
	"trapline/sim/memory"
)

// FunctionBeforeData disconnects the only probe and connects another one while the marker
// is reached, where loads can overtake each other.
var FunctionBeforeData = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "function-before-data",
		Asks: "Is the data read that belong to the function that was read?",
		From: "marker_probe_cb in the mail: \"Must read the ptr before private data. They are " +
			"not data dependant, so we put an explicit smp_rmb() here\"",
		Story: "set_marker stores the data, then the function, with smp_wmb between. That means " +
			"nothing to a reader whose loads are in no order: it may load the data before they " +
			"are there, and the function after. The smp_rmb between them is the other half of " +
			"the pair. Taken away, the function is called with what was there before. It takes " +
			"a reader who has found the marker enabled while the last probe was connected: one " +
			"who finds it enabled by the new probe has seen a store that comes after both.",
		Model: memory.LKMM,
	},
	Setup: func(w *World) {
		m := w.Marker("event")
		p1, p2 := w.Probe(m, "p1"), w.Probe(m, "p2")
		must(w.K, w.Register(w.K, p1))
		w.Go("hit", func(k *sim.K) { w.TraceEvent(k, m) })
		w.Go("user", func(k *sim.K) {
			w.Unregister(k, p1)
			must(k, w.Register(k, p2))
		})
	},
})
