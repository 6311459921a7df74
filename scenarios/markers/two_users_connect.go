package markers

import (
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// TwoUsersConnect connects two probes to a marker at the same time. It is reached when
// both are done.
var TwoUsersConnect = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "two-users-connect",
		Asks: "Are both connected when both have returned?",
		From: "the patch: \"If we want to have more than one probe connected to a marker at a given " +
			"time (LTTng, or blktrace, ssytemtap) then we need this patch\"",
		Story: "Two users who know nothing of each other connect a probe each. As posted, both change " +
			"the entry before either has queued its callback: the second one queues the head of the " +
			"first again. 2.6.24 refuses the second user. 2.6.28 waits for the callback under way " +
			"before it queues the head again, and the repaired design does not drop the mutex.",
	},
	Setup: func(w *World) {
		m := w.Marker("event")
		p1, p2 := w.Probe(m, "p1"), w.Probe(m, "p2")
		w.Go("first", func(k *sim.K) { _ = w.Register(k, p1) })
		w.Go("second", func(k *sim.K) { _ = w.Register(k, p2) })
	},
})
