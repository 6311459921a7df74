package markers

import (
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// OneNoneOne disconnects the only probe and connects another one while the marker is
// reached.
var OneNoneOne = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "one-none-one",
		Asks: "Does the new probe get its own data?",
		From: "231264d6927f (\"Fix: tracepoint: static call function vs data state mismatch (v2)\"), " +
			"the sequence 1->0->1",
		Story: "A caller has loaded the array with the first probe, and stops. The probe goes, and " +
			"another one comes: the call becomes that of the new function. The caller goes on and " +
			"gives it the data of the old one. 5.14 remembers at 1->0 how far RCU was, and waits " +
			"at 0->1 if no grace period has passed since. In 2.6.24 a marker is tested before " +
			"preemption is off, so the wait in register does not cover who has tested it: he then " +
			"finds the new function, and the data that are not there yet. This is a find of " +
			"trapline; the patch of Dec 2007 writes the data first. So is what the tracepoints of system " +
			"calls do since 6.13: their callers may sleep, and are readers of RCU tasks trace, while what " +
			"0->1 waits for is a grace period of RCU.",
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
