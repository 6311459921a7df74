package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// ProbeInTextOfTheStart has a probe in text that is freed when the kernel has started.
var ProbeInTextOfTheStart = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "probe-in-text-of-the-start",
		Asks: "What becomes of a probe when the text of the start is freed?",
		From: "commit 82d083ab60c3",
		Story: "The command line of the kernel can ask for probes, in functions as well that only its " +
			"start needs. Their text is freed when it has started. The probes of a module are told " +
			"when it goes; up to 5.8 nobody told these, and who removed one of them wrote into memory " +
			"that was somebody else's. Now they are marked as gone first.",
	},
	Needs: kprobes.Addresses,
	Setup: func(w *World) {
		d := w.Scheme.(kprobes.AddressChecker)
		text := &sim.Life{}
		w.K.Born(text, "init text")
		w.Text.InInitText(initText, text)
		p := w.Probe("probe", initText)
		must(w.K, w.Register(w.K, p))
		w.Go("init", func(k *sim.K) {
			d.KprobeFreeInitMem(k)
			k.Kfree(text) // free_initmem()
		})
		w.Go("remove", func(k *sim.K) { w.Unregister(k, p) })
		w.AtRest = func(*sim.K) { w.Text.Vanished(initText) }
	},
})
