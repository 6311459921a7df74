package kprobes

import (
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// SlotGivenToAnotherProbe unregisters a probe while a CPU is handling it and somebody
// registers another one elsewhere.
var SlotGivenToAnotherProbe = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "slot-given-to-another-probe",
		Asks: "Can the copy of an instruction change while a CPU is about to step it?",
		From: "the patch of October 2005: arch_remove_kprobe before synchronize_sched",
		Story: "The copy of an instruction, in a slot, is stepped after the exception has returned. " +
			"The patch gives the slot back before it waits for those who may be on their way to it, " +
			"so that another probe can have it filled with another instruction. In 2.6.16 slots are " +
			"given back after the wait.",
	},
	RCU: sim.ClassicRCU,
	Setup: func(w *World) {
		first, second := w.Probe("first", doFork), w.Probe("second", doExit)
		must(w.K, w.Register(w.K, first))
		w.M.Go("remove", func(k *sim.K) { w.Unregister(k, first) })
		w.M.Go("register", func(k *sim.K) { must(k, w.Register(k, second)) })
		w.M.Go("fork", func(k *sim.K) { w.Execute(k, doFork) })
	},
})
