package kprobes

import (
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// StrangerUnregisters unregisters a probe that was never registered, at an address
// where others are.
var StrangerUnregisters = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "stranger-unregisters",
		Asks: "Does unregister_kprobe look whether the probe is registered at all?",
		From: "the patch of October 2005: unregister_kprobe, which finds what is at the address of the probe",
		Story: "unregister_kprobe of the patch looks for what is registered at the address, and not " +
			"whether the probe that it was given is part of that. A probe that never was registered " +
			"is taken off a list on which it is not. 2.6.16 walks the list of the manager first.",
	},
	RCU: sim.ClassicRCU,
	Setup: func(w *World) {
		must(w.K, w.Register(w.K, w.Probe("first", doFork)))
		must(w.K, w.Register(w.K, w.Probe("second", doFork)))
		stranger := w.Probe("stranger", doFork)
		w.M.Go("stranger", func(k *sim.K) { w.Unregister(k, stranger) })
		w.M.Go("fork", func(k *sim.K) { w.Execute(k, doFork) })
	},
})
