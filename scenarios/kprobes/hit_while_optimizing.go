package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// HitWhileOptimizing registers a probe that becomes a jump while a CPU runs through
// it.
var HitWhileOptimizing = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "hit-while-optimizing",
		Asks: "Is anybody between the two instructions when a jump is put over them?",
		From: "arch/x86/kernel/kprobes/opt.c: synchronize_rcu_tasks() in kprobe_optimizer()",
		Story: "A jump of five bytes may cover several instructions. A task that was preempted behind " +
			"the first one would go on in the middle of the jump. The probe is a breakpoint first, so " +
			"that nobody passes the first instruction any more without being seen, and the optimizer " +
			"waits with synchronize_rcu_tasks until all who were behind it have gone on. Without the " +
			"wait a task would execute the operand of the jump. The question is a control: each " +
			"design with jumps has to answer it well; optimized-where-nobody-looks has what the wait " +
			"does not cover.",
	},
	Needs: kprobes.Jumps,
	Setup: func(w *World) {
		p := w.Probe("probe", vfsRead)
		w.Go("register", func(k *sim.K) { must(k, w.Register(k, p)) })
		w.Go("read", func(k *sim.K) { w.Execute(k, vfsRead) })
	},
})
