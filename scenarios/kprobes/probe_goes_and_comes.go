package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// ProbeGoesAndComes unregisters the probe at an address and registers another there
// while a CPU is in the exception.
var ProbeGoesAndComes = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "probe-goes-and-comes",
		Asks: "Can a breakpoint that has no probe have one again by the time somebody looks at the text?",
		From: "ours; the same gap in uprobes is commit 77fc4af1b59d",
		Story: "The exception looks the probe up, and if there is none it looks at the text: if the " +
			"breakpoint is gone as well another CPU has just removed it, and the instruction is " +
			"executed again. Two looks, and between them a second probe may be registered at the " +
			"address: there was no probe, there is a breakpoint, so it is taken for somebody " +
			"else's, and the kernel dies. unregister_kprobe waits for the exception, but whoever " +
			"registers does not. Since kprobes have every CPU serialise when a breakpoint is " +
			"removed, and before the entry is, no exception is in that gap any more: the interrupt " +
			"waits for it. This we have not seen reported; it was found by drawn programs.",
	},
	Needs:  kprobes.Breakpoints,
	RCU:    sim.ClassicRCU,
	Synced: true,
	Setup: func(w *World) {
		first, second := w.Probe("first", doFork), w.Probe("second", doFork)
		must(w.K, w.Register(w.K, first))
		w.Go("remove", func(k *sim.K) { w.Unregister(k, first) })
		w.Go("register", func(k *sim.K) { must(k, w.Register(k, second)) })
		w.Go("fork", func(k *sim.K) { w.Execute(k, doFork) })
	},
})
