package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// HitWhileUnoptimizing unregisters a probe that has become a jump while a CPU runs
// through it.
var HitWhileUnoptimizing = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "hit-while-unoptimizing",
		Asks: "Does the exception know what the text looks like while a jump is taken back?",
		From: "commit f66c0447cca1",
		Story: "A jump of five bytes is taken back in two steps: a breakpoint in place of its first " +
			"byte, then the old bytes behind it. Who runs into the breakpoint in between must not " +
			"come back to the bytes behind it, which are still the operand of the jump; as long as " +
			"the flag says optimised the exception takes the detour, which goes past them. Up to " +
			"5.4 the flag was cleared before the text was changed, so that the exception stepped " +
			"the first instruction and came back into the operand.",
	},
	Needs: kprobes.Jumps,
	Setup: func(w *World) {
		p := w.Probe("probe", vfsRead)
		must(w.K, w.Register(w.K, p))
		w.Scheme.(kprobes.Optimizer).Finish(w.K)
		w.Go("remove", func(k *sim.K) { w.Unregister(k, p) })
		w.Go("read", func(k *sim.K) { w.Execute(k, vfsRead) })
	},
})
