package markers

import (
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// ThreeTwoOne disconnects the first and then the last of three probes while the
// marker is reached.
var ThreeTwoOne = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "three-two-one",
		Asks: "Does the one that is left get its own data, if it was first before?",
		From: "231264d6927f (\"Fix: tracepoint: static call function vs data state mismatch (v2)\"), " +
			"the sequence N->2->1",
		Story: "5.10 waits at 2->1 if the first function of the array is another one than before. " +
			"Here it changed one step earlier, at 3->2, when nobody waited. A caller who has " +
			"loaded the array before both steps has the data of the first probe, and gives them " +
			"to the one that is left. 5.14 remembers at each step that changes the first data how " +
			"far RCU was, and waits for that at 2->1.",
	},
	Setup: func(w *World) {
		m := w.Marker("event")
		p1, p2, p3 := w.Probe(m, "p1"), w.Probe(m, "p2"), w.Probe(m, "p3")
		must(w.K, w.Register(w.K, p1))
		_, _ = w.Register(w.K, p2), w.Register(w.K, p3) // a marker may have one probe only
		w.Go("hit", func(k *sim.K) { w.TraceEvent(k, m) })
		w.Go("user", func(k *sim.K) {
			w.Unregister(k, p1)
			w.Unregister(k, p3)
		})
	},
})
