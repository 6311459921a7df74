package kprobes

import (
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// AddressProbedAgain takes a probe away while a CPU runs into it, and has somebody else
// put one at the same address. Nobody has to wait for that: unregister_kprobe lets go of
// its lock before it waits for those who have trapped.
//
// This one is ours. No mail tells of it; trapline fuzz came upon it in the design of
// 2.6.26.
var AddressProbedAgain = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "address-probed-again",
		Asks: "What becomes of a CPU that finds no probe for its breakpoint, when one comes before it looks at the text again?",
		From: "trapline fuzz: kprobe_handler of i386, which takes a breakpoint that is still there for somebody else's",
		Story: `A CPU that has executed a breakpoint looks for the probe. If there is none, another
CPU may just have removed it, so the handler looks at the text again: if the breakpoint
has gone, the instruction is executed once more; if it is there, it is not one of ours,
and the kernel dies of it. But the two looks are two moments. The first probe has gone
before the one, and between the two another user registers a probe at the same address:
the breakpoint that is there is ours again, and nobody says so. unregister_kprobe waits
for the CPU, but without the mutex, so it is in nobody's way. Nor does the one lock of
2.6.14 help, which kprobe_handler drops before it looks at the text. To look for the
probe once more when the breakpoint is found would do.`,
	},
	RCU:  sim.ClassicRCU,
	Late: true,
	Setup: func(w *World) {
		first, second := w.Probe("first", doFork), w.Probe("second", doFork)
		must(w.Register(w.K, first))
		w.Go("remove", func(k *sim.K) { w.Unregister(k, first) })
		w.Go("add", func(k *sim.K) { must(w.Register(k, second)) })
		w.Go("fork", func(k *sim.K) { w.Execute(k, doFork) })
	},
})
