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
	},
	RCU: sim.ClassicRCU,
	Setup: func(w *World) {
		first, second := w.Probe("first", doFork), w.Probe("second", doFork)
		must(w.Register(w.K, first))
		w.M.Go("register", func(k *sim.K) { must(w.Register(k, second)) })
		w.M.Go("fork", func(k *sim.K) { w.Execute(k, doFork) })
	},
})
