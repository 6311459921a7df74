package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// StepThatFaults has the copy of an instruction fault while it is stepped.
var StepThatFaults = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "step-that-faults",
		Asks: "Is what was switched off for a step switched on again if the step fails?",
		From: "commit 78ff2733ff35",
		Story: "A debugger may have the processor trap at branches only. To step the copy of an " +
			"instruction that must be off, so kprobes clear the bit and put it back behind the " +
			"step. If the copy faults there is no behind: the fault is handled as if at the " +
			"instruction itself, and the bit stayed clear. The handler of the fault puts it back " +
			"now.",
	},
	Needs: kprobes.Faults,
	Setup: func(w *World) {
		p := w.Probe("probe", doFork)
		must(w.K, w.Register(w.K, p))
		w.Faults = true
		w.Go("fork", func(k *sim.K) {
			w.task(k).branches = true
			w.runText(k, doFork) // the handler runs twice, which is right
			if !w.task(k).branches {
				k.Fail(&sim.Violation{Kind: WrongState, Subject: "DEBUGCTLMSR_BTF is clear"})
			}
		})
	},
})
