package markers

import (
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// LastProbeGoes disconnects the only probe while the marker is reached, and frees
// its data when nobody can be in the probe any more.
var LastProbeGoes = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "last-probe-goes",
		Asks: "Is a probe left alone once it is disconnected and its readers are gone?",
		From: "the comment on __mark_empty_function in the patch: \"even though the function pointer " +
			"change and the marker enabling are two distinct operations\"",
		Story: "A marker is found enabled, and is not any more when its function is read. All designs of " +
			"markers have a function that does nothing for that, and call probes with preemption off, " +
			"so that waiting for such regions is waiting for all calls. The code at the marker looks " +
			"whether it is enabled before that, which is harmless: what it does then it looks up " +
			"again. Those designs answer well. The callers of tracepoints of system calls may sleep " +
			"since 6.13, and are readers of RCU tasks trace; when that was new, in linux-next of " +
			"October 2024, the array was freed behind a grace period of RCU, under them. 6.13 waits " +
			"for both.",
	},
	Setup: func(w *World) {
		m := w.Marker("event")
		p1 := w.Probe(m, "p1")
		must(w.K, w.Register(w.K, p1))
		w.Go("hit", func(k *sim.K) { w.TraceEvent(k, m) })
		w.Go("user", func(k *sim.K) { w.Retire(k, p1) })
	},
})
