package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// ProbeHitWhileTextIsPatched hits a probe while something else in the text is patched.
var ProbeHitWhileTextIsPatched = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "probe-hit-while-text-is-patched",
		Asks: "Can the exception of a probe look at what is being patched when that is done?",
		From: "commit 285a54efe386, and \"x86/alternatives: Fix race in try_get_desc()\" in 6.1",
		Story: "Who patches text puts breakpoints there, and so each breakpoint exception first asks " +
			"whether this is one of those, the exception of a probe as well. Who patches waits until no " +
			"CPU can be at one of its own breakpoints, but a probe may be hit a moment later. In 5.4 " +
			"the number of entries and the array were withdrawn one after the other: the exception " +
			"saw entries, and then no array. From 5.6 on exceptions were counted, in a descriptor on " +
			"the stack of who patches: the exception had the address of the descriptor, and the " +
			"function had returned before it was counted there. Since 6.1 the descriptor is there for " +
			"ever, and only those look at it who have been counted.",
	},
	Needs:  kprobes.Patching,
	Synced: true,
	Setup: func(w *World) {
		must(w.K, w.Register(w.K, w.Probe("probe", doFork)))
		w.Patch(w.K, kprobes.Branch)
		w.Go("patch", func(k *sim.K) { w.Patch(k, kprobes.Own) })
		w.Go("fork", func(k *sim.K) { w.Execute(k, doFork) })
	},
})
