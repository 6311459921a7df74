package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// FunctionCalledByAnNMI has an NMI call a function with a kretprobe.
var FunctionCalledByAnNMI = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "function-called-by-an-nmi",
		Asks: "Is a hit in an NMI missed for no reason?",
		From: "commit e03b4a084ea6",
		Story: "While the nodes of kretprobes were under a lock, an NMI could come while it was held, " +
			"and the handler of a kretprobe in the NMI would have waited for ever; so it refused in " +
			"NMIs. Since the lock's holders pretend to be handling a probe, a hit there is " +
			"recognised without that. Up to 5.9 it refused all the same, and counted a miss where " +
			"nothing was in the way.",
	},
	Needs: kprobes.Returns,
	Setup: func(w *World) {
		p := w.ReturnProbe("probe", doFork).Always()
		must(w.K, w.Register(w.K, p))
		w.M.GoOn(0, "work", func(k *sim.K) {
			k.NMIOn(sim.ThisCPU, "nmi", func(k *sim.K) { w.Call(k, doFork, func(*sim.K) {}) })
		})
	},
})
