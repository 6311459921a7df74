package kprobes

import (
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// UnregisterWhileExecuting takes a probe away and puts it back while two CPUs run
// through it.
var UnregisterWhileExecuting = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "unregister-while-executing",
		Asks: "Does a CPU that has fetched the breakpoint find its way when the probe is gone?",
		From: "kprobe_handler of i386, which looks again at the text when it finds no probe",
		Story: "A CPU may have fetched the breakpoint just before the original byte was put back. It " +
			"comes to the exception and finds no probe. So it looks at the text: if the breakpoint is " +
			"gone, it goes back and executes the instruction. The question to all designs is whether " +
			"there is a way through that ends otherwise. There is none: the question is a control, " +
			"and probe-goes-and-comes is the one with a second probe in it.",
	},
	RCU: sim.ClassicRCU,
	Setup: func(w *World) {
		p := w.Probe("probe", doFork)
		must(w.K, w.Register(w.K, p))
		w.M.Go("remove", func(k *sim.K) { w.Unregister(k, p) })
		for _, name := range []string{"fork", "clone"} {
			w.M.Go(name, func(k *sim.K) { w.Execute(k, doFork) })
		}
	},
})
