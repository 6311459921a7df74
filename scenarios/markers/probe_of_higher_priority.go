package markers

import (
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// ProbeOfHigherPriority connects a second probe that is to be called first, while
// the marker is reached.
var ProbeOfHigherPriority = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "probe-of-higher-priority",
		Asks: "Does the first probe get its own data when another one comes before it?",
		From: "352384d5c84e (\"tracepoints: Update static_call before tp_funcs when adding a " +
			"tracepoint\"), Steven Rostedt",
		Story: "A probe of higher priority takes the first place in the array. As merged the array " +
			"is published before the call becomes that of the iterator: in between the first " +
			"function is called directly, with the data of the first element, which are those of " +
			"the new probe. 5.14 changes the call first when a probe is added. Markers, and " +
			"tracepoints before 2015, know of no priority.",
	},
	Setup: func(w *World) {
		m := w.Marker("event")
		p1, p2 := w.Probe(m, "p1"), w.Probe(m, "p2")
		p2.Prio = 1
		must(w.K, w.Register(w.K, p1))
		w.Go("hit", func(k *sim.K) { w.TraceEvent(k, m) })
		w.Go("user", func(k *sim.K) { _ = w.Register(k, p2) })
	},
})
