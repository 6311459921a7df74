package markers

import (
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// BothProbesGo disconnects both probes of a marker, the second one first, while it
// is reached.
var BothProbesGo = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "both-probes-go",
		Asks: "What does an iterator find that comes too late?",
		From: "c8b186a8d54d (\"tracepoint: Fix race between tracing and removing tracepoint\"), " +
			"Alexey Kardashevskiy",
		Story: "A caller loads the array to see whether there is a probe, and the iterator that it " +
			"calls loads it again. As first merged the iterator takes it for granted that there " +
			"is one. When both probes go in between it follows a null pointer. In 5.12 the " +
			"iterator looks.",
	},
	Setup: func(w *World) {
		m := w.Marker("event")
		p1, p2 := w.Probe(m, "p1"), w.Probe(m, "p2")
		must(w.K, w.Register(w.K, p1))
		_ = w.Register(w.K, p2) // a marker may have one probe only
		w.Go("hit", func(k *sim.K) { w.TraceEvent(k, m) })
		w.Go("user", func(k *sim.K) {
			w.Unregister(k, p2)
			w.Unregister(k, p1)
		})
	},
})
