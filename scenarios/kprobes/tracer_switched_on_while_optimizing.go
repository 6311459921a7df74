package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// TracerSwitchedOnWhileOptimizing has the optimizer at work while a tracer is switched
// on.
var TracerSwitchedOnWhileOptimizing = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "tracer-switched-on-while-optimizing",
		Asks: "Do the optimizer and ftrace take the locks of the text in one order?",
		From: "commit f1c6ece23729, and the report of lockdep in it",
		Story: "The optimizer must keep modules from going while it changes their text, and in 5.3-rc " +
			"took module_mutex for that, before text_mutex. ftrace had just learnt to make the text " +
			"of modules writable first, for which it takes module_mutex while it holds text_mutex. " +
			"Each can wait for the other. The repair was to take text_mutex first in the optimizer " +
			"as well; later the optimizer needed no module_mutex at all.",
	},
	Needs: kprobes.Jumps | kprobes.Tracing,
	Setup: func(w *World) {
		p := w.Probe("probe", vfsRead)
		must(w.K, w.Register(w.K, p))
		w.Go("tracer", func(k *sim.K) { w.Scheme.(kprobes.Tracer).FtraceRunUpdateCode(k) })
	},
})
