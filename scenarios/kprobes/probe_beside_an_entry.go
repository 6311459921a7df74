package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// ProbeBesideAnEntry puts a probe where there is a jprobe while that is hit.
var ProbeBesideAnEntry = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "probe-beside-an-entry",
		Asks: "Is every handler called before the entry of a jprobe, which does not come back to them?",
		From: "Linux 2.6.16, kernel/kprobes.c, add_new_kprobe()",
		Story: "The manager of several probes calls one after the other, until one of them says that it " +
			"has set up where the CPU is to go on. That is a jprobe, and it must be the last of the " +
			"list, wherever it came in. A second one cannot be had: its registration fails. In both " +
			"versions of 2005 the slot of each probe is overwritten by that of the first one before " +
			"that, so what is given back with the one that is refused is the slot of all the others, " +
			"and it is given back again when they go. And in the patch nobody answers for the armed " +
			"breakpoint for a moment, as in second-probe-at-an-address. In 2.6.16 the manager replaces " +
			"the probe in one step, and only the first probe has a slot.",
	},
	Needs: kprobes.Entries,
	RCU:   sim.ClassicRCU,
	Setup: func(w *World) {
		entry, beside, second := w.EntryProbe("entry", doFork), w.Probe("beside", doFork), w.EntryProbe("second", doFork)
		must(w.K, w.Register(w.K, entry))
		w.M.Go("register", func(k *sim.K) {
			must(k, w.Register(k, beside))
			k.BugOn(w.Register(k, second) != sim.EEXIST, "there are two entries at an address")
		})
		w.M.Go("fork", func(k *sim.K) { w.Execute(k, doFork) })
	},
})
