package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// ProbeOnTheHandlerOfBreakpoints puts a probe on the function that handles
// breakpoints.
var ProbeOnTheHandlerOfBreakpoints = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "probe-on-the-handler-of-breakpoints",
		Asks: "Can a breakpoint be reached from its own exception?",
		From: "commit a365a65f9ca1",
		Story: "What runs before kprobes know that they handle a probe must not be probed, as it would " +
			"come back to itself without end. Such functions are marked by hand. The C function " +
			"behind the exception was rewritten in 5.8 and lost its mark; it was marked again in " +
			"5.18.",
	},
	Needs: kprobes.Addresses,
	Setup: func(w *World) {
		w.TrapText = true
		p, q := w.Probe("probe", doFork), w.Probe("handler", doInt3)
		must(w.K, w.Register(w.K, p))
		w.Go("register", func(k *sim.K) { _ = w.Register(k, q) }) // must not be
		w.Go("fork", func(k *sim.K) { w.Execute(k, doFork) })
	},
})
