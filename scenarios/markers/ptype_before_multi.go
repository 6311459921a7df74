package markers

import (
	"trapline/scenarios/catalogue"
	"trapline/sim"
	"trapline/sim/memory"
)

// PtypeBeforeMulti connects a second probe while the marker is reached, where loads
// can overtake each other.
var PtypeBeforeMulti = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "ptype-before-multi",
		Asks: "Is there an array when ptype says so?",
		From: "marker_probe_cb in the mail, where smp_read_barrier_depends() stands before the load " +
			"of multi: \"we need a full smp_rmb() in the fast path, so put the explicit barrier " +
			"here\"",
		Story: "set_marker stores the array, then ptype, with smp_wmb between. As posted the reader " +
			"has no barrier between its load of ptype and that of the array: the comment speaks " +
			"of one, and the code has smp_read_barrier_depends(), which orders a pointer and what " +
			"it points to, and stands before the pointer. So a reader may load the array early, " +
			"before there is one, and ptype late: it walks a null pointer. 2.6.28 has smp_rmb " +
			"before the load of the array and the dependency barrier behind it.",
		Model: memory.LKMM,
	},
	Setup: func(w *World) {
		m := w.Marker("event")
		p1, p2 := w.Probe(m, "p1"), w.Probe(m, "p2")
		must(w.K, w.Register(w.K, p1))
		w.Go("hit", func(k *sim.K) { w.TraceEvent(k, m) })
		w.Go("user", func(k *sim.K) { _ = w.Register(k, p2) })
	},
})
