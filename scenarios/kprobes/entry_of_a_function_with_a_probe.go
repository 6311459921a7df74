package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// EntryOfAFunctionWithAProbe has a jprobe next to a kprobe, and its entry call a
// function that is probed as well.
var EntryOfAFunctionWithAProbe = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "entry-of-a-function-with-a-probe",
		Asks: "Is the entry of a jprobe called once, after all other handlers, and can it go while it runs?",
		From: "Linux 2.6.14 to 4.14, setjmp_pre_handler(), longjmp_break_handler()",
		Story: "A jprobe is a function with the arguments of the probed one. The exception saves the " +
			"registers and the stack and returns to that function; at its end is a breakpoint of its " +
			"own, whose exception puts everything back and has the instruction stepped. All that time " +
			"the probe counts as being handled: what the function calls may be probed, and is only " +
			"counted. With other probes at the address it comes last, as nothing comes after it. It " +
			"was removed in 4.15, as tracepoints and ftrace do it without jumping about. The question " +
			"is a control: each design that has jprobes has to answer it well.",
	},
	Needs: kprobes.Entries,
	RCU:   sim.ClassicRCU,
	Setup: func(w *World) {
		inner := w.Probe("inner", handlerText)
		entry := w.EntryProbe("entry", doFork).Calling(func(k *sim.K) { w.Execute(k, handlerText) })
		must(w.K, w.Register(w.K, inner))
		must(w.K, w.Register(w.K, entry))
		w.M.Go("fork", func(k *sim.K) { w.Execute(k, doFork) })
		w.M.Go("remove", func(k *sim.K) { w.Unregister(k, entry) })
	},
})
