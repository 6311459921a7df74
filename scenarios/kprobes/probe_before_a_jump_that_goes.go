package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// ProbeBeforeAJumpThatGoes puts a probe on the instruction before an optimised one that has
// been removed, as its jump is taken back.
var ProbeBeforeAJumpThatGoes = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "probe-before-a-jump-that-goes",
		Asks: "Does the detour of a probe lead back into the operand of another jump?",
		From: "commit f1c97a1b4ef7",
		Story: "The detour of an optimised probe executes all instructions that its jump covers, and " +
			"goes on behind them. None of those may have a probe. Up to 6.2 one that was disabled did " +
			"not count; but a probe that was optimised and is being removed is disabled, and its jump " +
			"stays until the optimizer takes it back. The other probe is marked as optimised at once, " +
			"and its exception takes the detour from then on: it came back behind the instruction " +
			"under the old jump, which is in the middle of that. Now a probe counts until it is " +
			"disarmed.",
	},
	Needs: kprobes.Jumps,
	Setup: func(w *World) {
		before, after := w.Probe("before", wide), w.Probe("after", wide+1)
		must(w.K, w.Register(w.K, after))
		w.Scheme.(kprobes.Optimizer).Finish(w.K)
		w.Unregister(w.K, after) // and now the optimizer has to take the jump back
		w.Go("register", func(k *sim.K) {
			must(k, w.Register(k, before))
			w.ExecuteWide(k)
		})
	},
})
