package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// InterruptAfterAnEarlyPatch has an interrupt come while text is written in place.
var InterruptAfterAnEarlyPatch = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "interrupt-after-an-early-patch",
		Asks: "Does an interrupt execute what its own CPU has overwritten?",
		From: "commit 3ea1704a9296",
		Story: "While only one CPU executes some text it may be written in place, with interrupts off, " +
			"as an interrupt might run through it. When it is written the CPU still has what it has " +
			"fetched before, and has to be told to forget it. Up to 6.6 it was told when interrupts " +
			"were on again: one that had been waiting came first, and executed the old instruction, " +
			"or half of each. It is told before now.",
	},
	Needs: kprobes.EarlyPatching,
	Late:  true,
	Setup: func(w *World) {
		d := w.Scheme.(kprobes.EarlyPatcher)
		w.GoInterrupted("patch", w.RunLabel, func(k *sim.K) { d.TextPokeEarly(k, keyLabel, kprobes.Branch) })
	},
})
