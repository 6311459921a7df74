package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// RegisterWhileTheModuleGoes registers a probe on a function of a module that is being
// unloaded.
var RegisterWhileTheModuleGoes = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "register-while-the-module-goes",
		Asks: "Can the text be freed between the check and the breakpoint?",
		From: "commits 325f3fb551f8 and e60b613df8b6 (CVE-2024-38588)",
		Story: "register_kprobe takes a reference to the module whose text it is about to change. Up to " +
			"6.8 it asked twice: whether the address was text at all, and then which module it " +
			"belonged to. If the module had been taken off the list in between, the second answer was " +
			"none, which means the core kernel, and no reference was taken. One question decides now. " +
			"Before that ftrace is asked whether it knows the address; up to 6.9 that walked the " +
			"records of modules with nothing to keep them from being freed. Since 6.10 that is a " +
			"reader of RCU, and the records are freed behind a grace period.",
	},
	Needs: kprobes.Addresses,
	Setup: func(w *World) {
		mod := w.LoadModule()
		p := w.Probe("probe", moduleText)
		w.Go("register", func(k *sim.K) { _ = w.Register(k, p) }) // there may be no module any more
		w.Go("rmmod", func(k *sim.K) { _ = k.DeleteModule(mod) }) // it may be in use
	},
})
