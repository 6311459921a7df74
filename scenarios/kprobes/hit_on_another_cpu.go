package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// HitOnAnotherCpu registers a probe and runs through it on another CPU, which may see
// the change late.
var HitOnAnotherCpu = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "hit-on-another-cpu",
		Asks: "Does a breakpoint that is written count as one that is seen?",
		From: "tip commit 5b8ad1c9bc44: text_poke \"guarantees nothing, INT3 will become visible at some point, maybe\"",
		Story: "A CPU may have fetched an instruction long before it executes it. What another CPU " +
			"writes there in between is seen at some later time, unless the first one executes " +
			"something that serialises it. A grace period says nothing about that. Up to 5.4 " +
			"kprobes wrote the byte and left it at that, as all earlier kernels had: a function may " +
			"pass a probe that has been registered. Since then every CPU is sent an interrupt, in " +
			"which it serialises, before register_kprobe returns.",
	},
	Needs: kprobes.Breakpoints,
	RCU:   sim.ClassicRCU,
	Late:  true,
	Setup: func(w *World) {
		p := w.Probe("probe", doFork)
		w.Go("register", func(k *sim.K) { must(k, w.Register(k, p)) })
		w.Go("fork", func(k *sim.K) { w.Execute(k, doFork) })
	},
})
