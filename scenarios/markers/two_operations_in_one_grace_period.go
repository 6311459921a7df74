package markers

import (
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// TwoOperationsInOneGracePeriod has one user disconnect the only probe while another
// one connects a probe to the same marker, and the marker is reached.
var TwoOperationsInOneGracePeriod = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "two-operations-in-one-grace-period",
		Asks: "Can a function be called with the data of the one that takes its place?",
		From: "the comment on RCU in the patch: \"It is used to make sure every handler has finished " +
			"using its private data between two consecutive operation (add or remove) on a given " +
			"marker\"",
		Story: "The function and the data of a single probe are two words, so the data may change " +
			"only when nobody can have read the function before. The patch wants one grace period " +
			"between two operations on a marker for that: an operation queues a callback, and the " +
			"next one waits for it. But it drops markers_mutex between the change of the entry " +
			"and the callback, to update the markers. A second user who comes then finds nothing " +
			"pending, and changes the entry again: a reader who has loaded the first function " +
			"gets the data of the second. The WARN_ON in set_marker is the same, seen from the " +
			"other side. 2.6.24 waits in register if something was unregistered before; but the " +
			"marker is only updated after that, and tested before preemption is off. Tracepoints " +
			"put the function and its data into one element of an array.",
	},
	Setup: func(w *World) {
		m := w.Marker("event")
		p1, p2 := w.Probe(m, "p1"), w.Probe(m, "p2")
		must(w.K, w.Register(w.K, p1))
		w.Go("hit", func(k *sim.K) { w.Trace(k, m) })
		w.Go("first", func(k *sim.K) { w.Unregister(k, p1) })
		w.Go("second", func(k *sim.K) { _ = w.Register(k, p2) })
	},
})
