package markers

import (
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// FirstOfTwoGoes disconnects the first of two probes while the marker is reached.
var FirstOfTwoGoes = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "first-of-two-goes",
		Asks: "Does the one that is left get its own data?",
		From: "547305a64632 (\"tracepoint: Fix out of sync data passing by static caller\"), whose " +
			"changelog draws it: two probes, the first one is removed",
		Story: "With two probes a tracepoint calls an iterator, with one the function itself. The " +
			"data come from the first element of the array, which is loaded before. As first " +
			"merged the call becomes that of the function that is left at once: a caller who has " +
			"loaded the data of the first probe gives them to the second. The fix changes the " +
			"array first, waits until nobody can hold the old one, and changes the call then. The " +
			"markers of 2007 do not have that: a reader who has seen ptype for several looks " +
			"nowhere but in the array.",
	},
	Setup: func(w *World) {
		m := w.Marker("event")
		p1, p2 := w.Probe(m, "p1"), w.Probe(m, "p2")
		must(w.K, w.Register(w.K, p1))
		_ = w.Register(w.K, p2) // a marker may have one probe only
		w.Go("hit", func(k *sim.K) { w.TraceEvent(k, m) })
		w.Go("user", func(k *sim.K) { w.Retire(k, p1) })
	},
})
