package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// EntryGoesWhileItRuns unregisters a jprobe while its entry runs, where there is another
// probe at the address.
var EntryGoesWhileItRuns = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "entry-goes-while-it-runs",
		Asks: "Does the entry of a jprobe come back if the jprobe goes while it runs?",
		From: "ours; Linux 2.6.26 to 4.14, kernel/kprobes.c, __unregister_kprobe_top()",
		Story: "The entry of a jprobe ends with a breakpoint, jprobe_return. The exception finds no probe " +
			"there, and asks the probe that is being handled whether it has a break_handler, which puts " +
			"everything back. Where several probes share the address that is their manager, which has " +
			"one only as long as there is a jprobe among them. Up to 2.6.25 it lost it after the grace " +
			"period, when no entry runs any more (but the manager could be gone by then, see " +
			"last-two-probes-unregister). 2.6.26 moved all that into the critical section before the " +
			"grace period: an entry that runs just then comes to its breakpoint, and nobody answers. We " +
			"have not seen this reported; it went with jprobes.",
	},
	Needs: kprobes.Entries,
	RCU:   sim.ClassicRCU,
	Setup: func(w *World) {
		beside, entry := w.Probe("beside", doFork), w.EntryProbe("entry", doFork)
		must(w.K, w.Register(w.K, beside))
		must(w.K, w.Register(w.K, entry))
		w.M.Go("remove", func(k *sim.K) { w.Unregister(k, entry) })
		w.M.Go("fork", func(k *sim.K) { w.Execute(k, doFork) })
	},
})
