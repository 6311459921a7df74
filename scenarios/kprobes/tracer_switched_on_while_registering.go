package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// TracerSwitchedOnWhileRegistering registers a probe while a tracer is switched on and
// a CPU is to go.
var TracerSwitchedOnWhileRegistering = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "tracer-switched-on-while-registering",
		Asks: "Do register_kprobe and ftrace take cpu_hotplug_lock and text_mutex in one order?",
		From: "commit d5b844a2cf50",
		Story: "To arm a probe, register_kprobe keeps CPUs from coming and going and then takes " +
			"text_mutex. ftrace of 5.2-rc took text_mutex and then stopped all CPUs, for which they " +
			"must not come or go either. Both only read cpu_hotplug_lock; it takes somebody who " +
			"waits to write it for the two to hang. Since then ftrace changes the text without " +
			"stopping anybody.",
	},
	Needs: kprobes.Tracing,
	Setup: func(w *World) {
		p := w.Probe("probe", doFork)
		w.Go("register", func(k *sim.K) { must(k, w.Register(k, p)) })
		w.Go("tracer", func(k *sim.K) { w.Scheme.(kprobes.Tracer).FtraceRunUpdateCode(k) })
	},
})
