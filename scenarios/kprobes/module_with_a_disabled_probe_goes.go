package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// ModuleWithADisabledProbeGoes unloads a module with a probe that is registered and
// switched off.
var ModuleWithADisabledProbeGoes = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "module-with-a-disabled-probe-goes",
		Asks: "Is a probe of a module that goes disarmed only if it was armed?",
		From: "commit bcb53209be5c",
		Story: "A probe of a module that goes has to be taken out of the filter of ftrace, as long as " +
			"ftrace knows the module. The first version of that did so with every probe. One that is " +
			"switched off is not in the filter, and ftrace complained. Whether it is enabled is asked " +
			"now.",
	},
	Needs: kprobes.Addresses,
	Setup: func(w *World) {
		mod := w.LoadModule()
		p := w.Probe("probe", moduleText).Disabled()
		must(w.K, w.Register(w.K, p))
		w.Go("rmmod", func(k *sim.K) { _ = k.DeleteModule(mod) }) // it may be in use
		w.Go("remove", func(k *sim.K) { w.Unregister(k, p) })
	},
})
