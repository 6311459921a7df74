package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// ArrayOfProbesGoes unregisters both probes of an address and one elsewhere with one
// call, as both places are executed.
var ArrayOfProbesGoes = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "array-of-probes-goes",
		Asks: "Does one grace period do for several probes?",
		From: `commit 9861668f7478 "kprobes: add (un)register_kprobes"`,
		Story: "To remove a probe takes a grace period, and somebody who has a thousand of them would " +
			"wait for minutes. So everything that can be done before the grace period is done for all " +
			"probes of an array first, under the mutex, and everything that must wait after it. " +
			"Probes of the array may have a manager in common: for each but the last of them it is " +
			"one of several, and the last one finds that it is alone. The question is a control: each " +
			"design that knows of arrays has to answer it well.",
	},
	Needs: kprobes.Batches,
	RCU:   sim.ClassicRCU,
	Setup: func(w *World) {
		one, other, elsewhere := w.Probe("one", doFork), w.Probe("other", doFork), w.Probe("elsewhere", doExit)
		for _, p := range []*Probe{one, other, elsewhere} {
			must(w.K, w.Register(w.K, p))
		}
		w.M.Go("remove", func(k *sim.K) { w.UnregisterAll(k, one, elsewhere, other) })
		w.M.Go("run", func(k *sim.K) {
			w.Execute(k, doFork)
			w.Execute(k, doExit)
		})
	},
})
