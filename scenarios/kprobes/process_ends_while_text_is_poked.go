package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// ProcessEndsWhileTextIsPoked has a kernel thread patch text with the page tables of a
// process that ends.
var ProcessEndsWhileTextIsPoked = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "process-ends-while-text-is-poked",
		Asks: "Does text_poke() go back to page tables that are still there?",
		From: "commit abee7c494d8c",
		Story: "A kernel thread has no page tables and borrows those of whoever ran before it. When " +
			"that process ends, CPUs that have them loaded are asked to give them up. The text of " +
			"the kernel is written through page tables of their own, which are loaded for a moment; " +
			"then those are loaded again that were before. A CPU that is asked in that moment does " +
			"not have the page tables of the process, and so is not asked: it loads them again when " +
			"they have been freed. Since 5.10 it gives up what is borrowed first.",
	},
	Needs: kprobes.Borrowing,
	Setup: func(w *World) {
		w.M.ShareCPUs()
		d := w.Scheme.(kprobes.MmBorrower)
		mm := d.NewMm(w.K, "mm")
		d.RunLazily(w.K, 0, mm)
		w.M.GoOn(0, "kworker", func(k *sim.K) { d.TextPoke(k, doFork, kprobes.Own) })
		w.M.GoOn(1, "exit", func(k *sim.K) { d.ExitMmap(k, mm) })
	},
})
