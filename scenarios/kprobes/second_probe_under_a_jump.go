package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// SecondProbeUnderAJump puts a probe on an instruction that the jump of another one
// covers, as that is being removed.
var SecondProbeUnderAJump = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "second-probe-under-a-jump",
		Asks: "Is the saved instruction that of the kernel where a jump covers it?",
		From: "commit 868a6fc0ca24",
		Story: "To save the instruction under a new probe, the kernel must see through the probes that " +
			"are there: where a jump lies, the bytes are in its detour. Whether it lies there was " +
			"asked of the probe's flag and of the optimizer's lists. A probe that waits to be " +
			"unoptimised is on a list, too, but not because its jump is yet to come. Up to 6.2 it was " +
			"taken for one without a jump, and the operand of the jump was saved, to be executed at " +
			"the next hit. Since 6.3 both are looked at. Two more are about the probe that is in the " +
			"way, which the new one has to have turned back into a breakpoint first. Up to 5.6 one " +
			"whose jump was to be taken back was just taken off the list, as if it were one whose " +
			"jump was yet to come: the jump stayed. And up to 6.2 one that was turned back by force " +
			"stayed on the list of those that are to be freed, though still in the table.",
	},
	Needs: kprobes.Jumps,
	Setup: func(w *World) {
		first, second := w.Probe("first", vfsRead), w.Probe("second", vfsReadNext)
		must(w.K, w.Register(w.K, first))
		w.Scheme.(kprobes.Optimizer).Finish(w.K)
		w.Go("remove", func(k *sim.K) { w.Unregister(k, first) })
		w.Go("register", func(k *sim.K) {
			must(k, w.Register(k, second))
			w.Execute(k, vfsReadNext)
		})
	},
})
