package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// ProbeAtNoAddress registers a probe where nothing is mapped.
var ProbeAtNoAddress = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "probe-at-no-address",
		Asks: "Is an address checked before it is read?",
		From: "commit 4e51653d5d87, reported by syzkaller",
		Story: "A function may begin with an instruction that marks it as the target of indirect " +
			"jumps, and a probe at its entry belongs behind it. From 5.18 to 6.8 register_kprobe " +
			"looked for that instruction first of all, by reading the address that it was given, " +
			"whatever that was. An address without memory made the kernel panic. It is read with " +
			"care now, and a fault is an answer.",
	},
	Needs: kprobes.Addresses,
	Setup: func(w *World) {
		p := w.Probe("probe", nowhere)
		w.Go("register", func(k *sim.K) {
			if w.Register(k, p) == nil {
				w.Unregister(k, p)
			}
		})
	},
})
