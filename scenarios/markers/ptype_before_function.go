package markers

import (
	"trapline/scenarios/catalogue"
	"trapline/sim"
	"trapline/sim/memory"
)

// PtypeBeforeFunction disconnects the first of two probes while the marker is
// reached, where loads can overtake each other.
var PtypeBeforeFunction = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "ptype-before-function",
		Asks: "Is the single function the one that is left when ptype says that there is one?",
		From: "marker_probe_cb in the mail: \"Must read the ptype before ptr. They are not data " +
			"dependant, so we put an explicit smp_rmb() here\"",
		Story: "With two probes the single function is that of the first, from when it was alone. " +
			"When that goes set_marker stores the data and the function of the one that is left, " +
			"and ptype after that, with smp_wmb between. A reader whose loads are in no order may " +
			"have loaded the old function, and then find that ptype is single: it calls the probe " +
			"that has gone, and not the other. The smp_rmb between ptype and the function is the " +
			"other half of the pair.",
		Model: memory.LKMM,
	},
	Setup: func(w *World) {
		m := w.Marker("event")
		p1, p2 := w.Probe(m, "p1"), w.Probe(m, "p2")
		must(w.K, w.Register(w.K, p1))
		_ = w.Register(w.K, p2) // a marker may have one probe only
		w.Go("hit", func(k *sim.K) { w.TraceEvent(k, m) })
		w.Go("user", func(k *sim.K) { w.Unregister(k, p1) })
	},
})
