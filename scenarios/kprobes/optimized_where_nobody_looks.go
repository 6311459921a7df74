package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// OptimizedWhereNobodyLooks has a probe optimised while a CPU runs through it that may
// see the change late.
var OptimizedWhereNobodyLooks = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "optimized-where-nobody-looks",
		Asks: "Is a grace period of RCU Tasks enough for a CPU that does not see the breakpoint yet?",
		From: "tip commit 5b8ad1c9bc44, which says why not",
		Story: "The optimizer waits until all tasks that were between the two instructions have gone " +
			"on, and takes it for granted that no other can get there, because of the breakpoint " +
			"before them. A CPU that does not see the breakpoint yet executes the first instruction " +
			"after that wait, and then runs into the operand of the jump. The repair has every CPU " +
			"serialise once the breakpoint is written, before the wait.",
	},
	Needs: kprobes.Jumps,
	Late:  true,
	Setup: func(w *World) {
		p := w.Probe("probe", vfsRead)
		w.Go("register", func(k *sim.K) { must(k, w.Register(k, p)) })
		w.Go("read", func(k *sim.K) { w.Execute(k, vfsRead) })
	},
})
