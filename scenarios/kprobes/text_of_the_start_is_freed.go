package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// TextOfTheStartIsFreed registers a probe when the text that only the start needs is
// freed.
var TextOfTheStartIsFreed = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "text-of-the-start-is-freed",
		Asks: "Does register_kprobe read text that is not there any more?",
		From: "commits 9e667624c291 and 2bee6d16e437",
		Story: "No probe may lie where a jump label changes the text. The table of jump labels has those " +
			"of functions as well that are freed when the kernel has started. Up to 5.13 they were " +
			"compared like all others; and to know how long each is, the text was read at its " +
			"address, in memory that belongs to others by then. Since 5.14 such places are passed " +
			"over when the start is done.",
	},
	Needs: kprobes.Addresses,
	Setup: func(w *World) {
		text := &sim.Life{}
		w.K.Born(text, "init text")
		w.Text.InInitText(initText, text)
		w.K.Kfree(text) // free_initmem()
		p := w.Probe("probe", doFork)
		w.Go("register", func(k *sim.K) { must(k, w.Register(k, p)) })
	},
})
