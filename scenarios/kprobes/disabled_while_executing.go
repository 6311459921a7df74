package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// DisabledWhileExecuting switches a probe off while a CPU runs through it.
var DisabledWhileExecuting = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "disabled-while-executing",
		Asks: "Is a probe that is switched off silent, and one that is switched on not?",
		From: "Documentation/trace/kprobes.rst: disable_kprobe, enable_kprobe",
		Story: "A probe may be switched off without being unregistered. disable_kprobe restores the text " +
			"if nobody else needs the breakpoint, and waits until the handlers are through. When it " +
			"is enabled again each execution calls it. Who hits the breakpoint just before it goes " +
			"may be on the way to the handler, and one that is enabled again while another CPU is in " +
			"the exception must not be taken for a stranger's. The question is a control: each design " +
			"that can switch probes off has to answer it well.",
	},
	Needs: kprobes.Switching,
	Setup: func(w *World) {
		p := w.Probe("probe", doFork)
		must(w.K, w.Register(w.K, p))
		w.Go("switch", func(k *sim.K) {
			w.Disable(k, p)
			w.Enable(k, p)
		})
		w.Go("fork", func(k *sim.K) { w.Execute(k, doFork) })
	},
})
