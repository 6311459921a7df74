package markers

import (
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// SameFunctionTwice disconnects the first of two probes that have one function, and
// data of their own.
var SameFunctionTwice = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "same-function-twice",
		Asks: "Is the one that is left called, and not the one that has gone?",
		From: "f7ec41212563 (\"tracepoint: static call: Compare data on transition from 2->1 " +
			"callees\"): \"the same callback can be registered twice with different data\"",
		Story: "5.10 compares the functions to see whether it has to wait at 2->1. If both probes " +
			"have the same function it does not wait. A caller who has loaded the data of the " +
			"first probe calls the function with them, once: the probe that goes is called in " +
			"place of the one that stays. 5.14 compares the data.",
	},
	Setup: func(w *World) {
		m := w.Marker("event")
		f := w.NewFunc("f")
		p1, p2 := w.ProbeWith(m, "p1", f), w.ProbeWith(m, "p2", f)
		must(w.K, w.Register(w.K, p1))
		_ = w.Register(w.K, p2) // a marker may have one probe only
		w.Go("hit", func(k *sim.K) { w.TraceEvent(k, m) })
		w.Go("user", func(k *sim.K) { w.Unregister(k, p1) })
	},
})
