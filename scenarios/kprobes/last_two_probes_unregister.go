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
		Story: "Several probes at an address have a manager, which must be freed with the last of " +
			"them. In the patch each remover takes its probe off the list under the lock, waits for " +
			"a grace period, and then looks whether the list is empty: two of them may both find it " +
			"so. Even to look is too late, if the other one was faster. In 2.6.16 it is decided " +
			"under the mutex who is the last one, and that one frees. From 2.6.18 to 2.6.25 one who " +
			"was not the last came back to the manager after the wait, to tidy it; 2.6.26 does that " +
			"before.",
	},
	RCU: sim.ClassicRCU,
	Setup: func(w *World) {
		first, second := w.Probe("first", doFork).WithPostHandler(), w.Probe("second", doFork).WithPostHandler()
		must(w.K, w.Register(w.K, first))
		must(w.K, w.Register(w.K, second))
		w.M.Go("remove", func(k *sim.K) { w.Unregister(k, first) })
		w.M.Go("remove too", func(k *sim.K) { w.Unregister(k, second) })
	},
})
