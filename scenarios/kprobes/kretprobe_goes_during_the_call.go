package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// KretprobeGoesDuringTheCall unregisters a kretprobe while a function that has been
// entered is about to return.
var KretprobeGoesDuringTheCall = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "kretprobe-goes-during-the-call",
		Asks: "Can the function return when the probe is gone?",
		From: "commit d839a656d0f3, for the pointer; kernel/trace/rethook.c",
		Story: "The return address of a function that was entered has been replaced, and cannot be put " +
			"back from outside. So the node of the call outlives the probe, and leads to it by a " +
			"pointer that unregister_kretprobe clears; the trampoline finds out whether there still " +
			"is a handler to call. Up to 6.6 the pointer was accessed like any variable, which the " +
			"compiler may read twice. It is an RCU pointer now.",
	},
	Needs: kprobes.Returns,
	Setup: func(w *World) {
		p := w.ReturnProbe("probe", doFork)
		must(w.K, w.Register(w.K, p))
		w.Go("remove", func(k *sim.K) { w.Unregister(k, p) })
		w.Go("fork", func(k *sim.K) { w.Call(k, doFork, func(*sim.K) {}) })
	},
})
