package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// InterruptWhileNopsAreOptimized has an interrupt come while short nops become a long one.
var InterruptWhileNopsAreOptimized = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "interrupt-while-nops-are-optimized",
		Asks: "Can an interrupt run through nops of which one byte is written?",
		From: "commit 2dc419613805",
		Story: "Alternatives leave rows of nops of one byte each, and one long nop is quicker. From 6.3 " +
			"on they were exchanged where they are, with interrupts on: after the first byte there " +
			"is the beginning of a long instruction, with nops for an operand. An interrupt of the " +
			"same CPU that ran through it executed an instruction that nobody had written. Now " +
			"interrupts are off, and the CPU forgets what it has fetched before they are on again.",
	},
	Needs: kprobes.EarlyPatching,
	Late:  true,
	Setup: func(w *World) {
		d := w.Scheme.(kprobes.EarlyPatcher)
		w.GoInterrupted("patch", w.RunNops, func(k *sim.K) { d.OptimizeNops(k, nops) })
	},
})
