package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// ModuleWithATracedProbeGoes unloads a module with a probe on one of its functions,
// where ftrace has its call.
var ModuleWithATracedProbeGoes = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "module-with-a-traced-probe-goes",
		Asks: "Does ftrace forget the probes of a module that goes?",
		From: "commits 0cb2f1372baa and bcb53209be5c",
		Story: "When a module goes, its probes are marked as gone, and unregister_kprobe does nothing to " +
			"the text of such a probe, as there is none. That holds for breakpoints. A probe at the " +
			"entry of a function is a line in ftrace's filter instead, and stays there: up to 5.8 the " +
			"next module whose function comes to lie at that address was traced on behalf of a probe " +
			"that had gone. kill_kprobe has ftrace forget the address while it still knows the " +
			"module. It does so only for probes that are enabled; and as a probe that is marked as " +
			"gone does not count as enabled, that has to be asked before it is marked, which 6.1 did " +
			"the other way round.",
	},
	Needs: kprobes.Addresses,
	Setup: func(w *World) {
		mod := w.LoadModule()
		p := w.Probe("probe", moduleText)
		must(w.K, w.Register(w.K, p))
		w.Go("rmmod", func(k *sim.K) { _ = k.DeleteModule(mod) }) // it may be in use
		w.Go("remove", func(k *sim.K) { w.Unregister(k, p) })
	},
})
