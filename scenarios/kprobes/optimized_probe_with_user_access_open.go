package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// OptimizedProbeWithUserAccessOpen has a probe that has become a jump in code which
// copies from user space.
var OptimizedProbeWithUserAccessOpen = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "optimized-probe-with-user-access-open",
		Asks: "Do handlers run with the rights of an exception where there is none?",
		From: "commit d8a738689794",
		Story: "Code that copies from user space allows itself that by a flag. An exception clears the " +
			"flag at its entry, so the handlers of a breakpoint never see it. A jump to the detour " +
			"of an optimised probe is no exception: up to 5.6 handlers ran with user space open, " +
			"and a wild pointer of theirs could have been followed there. The detour clears the " +
			"flag now, and restores it with the others.",
	},
	Needs: kprobes.Jumps,
	Setup: func(w *World) {
		p := w.Probe("probe", vfsRead)
		must(w.K, w.Register(w.K, p))
		w.Go("copy", func(k *sim.K) {
			w.task(k).user = true // stac
			w.Execute(k, vfsRead)
			w.task(k).user = false // clac
		})
	},
})
