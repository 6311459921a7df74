package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// LabelRunWhileItIsPatched has a CPU run through text that another one patches.
var LabelRunWhileItIsPatched = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "label-run-while-it-is-patched",
		Asks: "Does a CPU that comes upon the breakpoint of who patches get on?",
		From: "Linux 6.12, arch/x86/kernel/alternative.c, text_poke_bp_batch()",
		Story: "Text that may be executed is not written in one go: first comes a breakpoint, and when " +
			"all CPUs have seen that the rest. A CPU that runs into it must not die for want of a " +
			"probe: who patches has said beforehand what is being patched, and the exception does " +
			"what the new instruction is going to do. What was said is withdrawn only when no CPU can " +
			"be in that exception. The question is a control: the exception of a probe that comes too " +
			"early or too late is probe-hit-while-text-is-patched.",
	},
	Needs: kprobes.Patching,
	Late:  true,
	Setup: func(w *World) {
		w.Patch(w.K, kprobes.Branch)
		w.Go("patch", func(k *sim.K) { w.Patch(k, kprobes.Own) })
		w.Go("run", func(k *sim.K) { w.runText(k, keyLabel) })
	},
})
