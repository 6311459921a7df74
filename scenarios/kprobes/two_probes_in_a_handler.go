package kprobes

import (
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// TwoProbesInAHandler has two probes on a function that the handler of another one calls.
var TwoProbesInAHandler = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "two-probes-in-a-handler",
		Asks: "Is a hit within a handler counted for each of the probes there?",
		From: `linux-kernel, 9 Dec 2005, Keshavamurthy Anil S, "[BUG][PATCH] Kprobes - Increment kprobe missed count for multiprobes"`,
		Story: "A hit within a handler calls no handler, and is counted in nmissed, so that whoever looks " +
			"at a probe knows how much it has not seen. Where several probes share an address the " +
			"exception finds their manager, and up to 2.6.15 it counted the hit there, where nobody " +
			"looks. Since 2.6.16 it is counted in each of the probes.",
	},
	RCU: sim.ClassicRCU,
	Setup: func(w *World) {
		outer := w.Probe("outer", doFork).Calling(func(k *sim.K) { w.Execute(k, handlerText) })
		first, second := w.Probe("first", handlerText), w.Probe("second", handlerText)
		for _, p := range []*Probe{outer, first, second} {
			must(w.K, w.Register(w.K, p))
		}
		w.M.Go("fork", func(k *sim.K) { w.Execute(k, doFork) })
		w.M.Go("remove", func(k *sim.K) { w.Unregister(k, second) })
	},
})
