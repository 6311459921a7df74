package kprobes

import (
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// LastTwoProbesUnregister unregisters the two probes of an address at the same time.
var LastTwoProbesUnregister = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "last-two-probes-unregister",
		Asks: "Do those who remove the last probes of an address agree on who frees their manager?",
		From: "the patch of October 2005: unregister_kprobe looks at the manager after the grace period",
	},
	RCU: sim.ClassicRCU,
	Setup: func(w *World) {
		first, second := w.Probe("first", doFork).WithPostHandler(), w.Probe("second", doFork).WithPostHandler()
		must(w.Register(w.K, first))
		must(w.Register(w.K, second))
		w.M.Go("remove", func(k *sim.K) { w.Unregister(k, first) })
		w.M.Go("remove too", func(k *sim.K) { w.Unregister(k, second) })
	},
})
