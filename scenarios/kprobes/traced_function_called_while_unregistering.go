package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// TracedFunctionCalledWhileUnregistering unregisters a probe where ftrace has its
// call, while a CPU calls the function.
var TracedFunctionCalledWhileUnregistering = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "traced-function-called-while-unregistering",
		Asks: "Does a CPU that comes by way of ftrace find its probe, or none?",
		From: "arch/x86/kernel/kprobes/ftrace.c, kprobe_ftrace_handler()",
		Story: "At the entry of a function ftrace has a call already, and a probe there needs no " +
			"breakpoint: it is a line in ftrace's filter. Who comes through the call when the probe " +
			"is gone finds nobody, and goes on. The question is a control: what goes wrong with such " +
			"probes is in module-with-a-traced-probe-goes and switched-off-as-a-whole.",
	},
	Needs: kprobes.Tracing,
	Setup: func(w *World) {
		p := w.Probe("probe", schedule)
		must(w.K, w.Register(w.K, p))
		w.Go("remove", func(k *sim.K) { w.Unregister(k, p) })
		w.Go("call", func(k *sim.K) { w.Execute(k, schedule) })
	},
})
