package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// UnregisterWhileOptimizing takes a probe away that the optimizer is about to turn
// into a jump.
var UnregisterWhileOptimizing = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "unregister-while-optimizing",
		Asks: "Are the lists of the optimizer looked at under their lock?",
		From: "commit 1a0aa991a627",
		Story: "The optimizer ends with a look at its lists: if something has come in meanwhile, it " +
			"asks to be run again. Up to 5.7 it had given kprobe_mutex back by then, so that it " +
			"could see a list in the middle of a change, and the item be queued by two at once. The " +
			"look moved into the critical section.",
	},
	Needs: kprobes.Jumps,
	Setup: func(w *World) {
		p := w.Probe("probe", vfsRead)
		must(w.K, w.Register(w.K, p))
		w.Go("remove", func(k *sim.K) { w.Unregister(k, p) })
	},
})
