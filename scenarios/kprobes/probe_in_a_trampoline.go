package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// ProbeInATrampoline puts a probe into a BPF program, whose owner frees it.
var ProbeInATrampoline = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "probe-in-a-trampoline",
		Asks: "May a probe lie in text that its owner frees without telling anybody?",
		From: "commit 28f6c37a2910",
		Story: "Code that the kernel makes while it runs, trampolines and BPF programs, is text as far " +
			"as stack traces go, and up to 5.19 as far as kprobes went, too. But its owners free it " +
			"and write other code there, and know nothing of probes: the original byte goes back " +
			"into what is somebody else's by then. Only the text of the kernel and of modules may " +
			"be probed now.",
	},
	Needs: kprobes.Addresses,
	Setup: func(w *World) {
		prog := &sim.Life{}
		w.K.Born(prog, "bpf_prog")
		w.Text.InTrampoline(trampoline, prog)
		p := w.Probe("probe", trampoline)
		w.Go("register", func(k *sim.K) {
			if w.Register(k, p) == nil {
				w.Unregister(k, p)
			}
		})
		w.Go("bpf", func(k *sim.K) { k.Kfree(prog) })
	},
})
