package kprobes

import (
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// ProbeInAHandler has a probe on a function that the handler of another one calls.
var ProbeInAHandler = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "probe-in-a-handler",
		Asks: "Is a hit within a handler counted and stepped, without a handler?",
		From: "Documentation/trace/kprobes.rst: nmissed",
		Story: "What a handler calls may be probed as well. Such a hit must not call a handler, or there " +
			"would be no end; it is counted in nmissed, and its instruction is stepped. Each design " +
			"here does that, each in a way of its own: by the owner of the one lock, or by what runs " +
			"on the CPU. The question is a control: it is here to be answered well.",
	},
	RCU: sim.ClassicRCU,
	Setup: func(w *World) {
		inner := w.Probe("inner", handlerText)
		outer := w.Probe("outer", doFork).Calling(func(k *sim.K) { w.Execute(k, handlerText) })
		must(w.K, w.Register(w.K, outer))
		must(w.K, w.Register(w.K, inner))
		w.M.Go("fork", func(k *sim.K) { w.Execute(k, doFork) })
		w.M.Go("remove", func(k *sim.K) { w.Unregister(k, inner) })
		w.M.Go("notify", func(k *sim.K) { w.Execute(k, handlerText) })
	},
})
