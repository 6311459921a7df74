package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// KretprobeRegisteredAgain registers a kretprobe that is registered, while a function is
// in a call.
var KretprobeRegisteredAgain = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "kretprobe-registered-again",
		Asks: "Is a kretprobe that is registered left alone when it is registered again?",
		From: "commit 0188b87899ff",
		Story: "To register a kretprobe memory is set up for the calls that are going to be under way, " +
			"and then the probe itself is registered. That the probe was registered before is noticed " +
			"by the second step. Up to 5.10 the first one had by then replaced what the probe had: " +
			"calls under way came back to what had been made anew, or to nothing, and the old memory " +
			"was lost. It is asked before anything is touched now.",
	},
	Needs: kprobes.Returns | kprobes.Repeats,
	Setup: func(w *World) {
		p := w.ReturnProbe("probe", doFork)
		must(w.K, w.Register(w.K, p))
		d := w.Scheme.(kprobes.ReturnProber)
		w.Go("again", func(k *sim.K) {
			k.BugOn(d.RegisterKretprobe(k, p.rp) == nil, "a kretprobe was registered twice")
		})
		w.Go("fork", func(k *sim.K) { w.Call(k, doFork, func(*sim.K) {}) })
	},
})
