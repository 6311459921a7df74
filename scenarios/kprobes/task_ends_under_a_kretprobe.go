package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// TaskEndsUnderAKretprobe ends a task, which runs through a function with a kretprobe.
var TaskEndsUnderAKretprobe = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "task-ends-under-a-kretprobe",
		Asks: "Can a kretprobe be hit while the lock of its nodes is held?",
		From: "commit 9b38cc704e84",
		Story: "A task that ends may have been in functions that it never returned from; what " +
			"kretprobes keep of them is freed at its end, under the lock of the table in which it " +
			"is kept. In some kernels the functions called under the lock could be probed. A " +
			"kretprobe there takes the same lock at its entry, and waits for itself; before 2.6.15, " +
			"when one lock was for all, any probe did. In 5.8 the CPU pretends to be handling a probe " +
			"meanwhile, so that the hit only counts. Later there was no lock any more.",
	},
	Needs: kprobes.Returns,
	Setup: func(w *World) {
		p := w.ReturnProbe("probe", exitCode)
		must(w.K, w.Register(w.K, p))
		w.Go("exit", func(k *sim.K) { w.Scheme.(kprobes.ReturnProber).KprobeFlushTask(k) })
		w.Go("call", func(k *sim.K) { w.Call(k, exitCode, func(*sim.K) {}) })
	},
})
