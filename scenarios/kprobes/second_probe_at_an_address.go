package kprobes

import (
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// SecondProbeAtAnAddress registers a second probe where there is one already, while
// another CPU runs through it.
var SecondProbeAtAnAddress = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "second-probe-at-an-address",
		Asks: "Is there a moment in which the breakpoint is armed and nobody answers for it?",
		From: "the patch of October 2005: add_aggr_kprobe",
		Story: "A second probe at an address has a manager take the place of the first one in the " +
			"table. The patch takes the old entry out and puts the new one in, with the breakpoint " +
			"armed all the time: who hits it in between finds nobody, and dies. 2.6.16 replaces the " +
			"entry in one step. The slot of the second probe is lost in both versions of 2005: it " +
			"is overwritten by a copy of the first one's.",
	},
	RCU: sim.ClassicRCU,
	Setup: func(w *World) {
		first, second := w.Probe("first", doFork), w.Probe("second", doFork)
		must(w.K, w.Register(w.K, first))
		w.M.Go("register", func(k *sim.K) { must(k, w.Register(k, second)) })
		w.M.Go("fork", func(k *sim.K) { w.Execute(k, doFork) })
	},
})
