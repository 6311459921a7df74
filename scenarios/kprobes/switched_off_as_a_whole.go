package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// SwitchedOffAsAWhole enables two probes while all probes are switched off.
var SwitchedOffAsAWhole = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "switched-off-as-a-whole",
		Asks: "Is a probe disarmed that was never armed?",
		From: "commit 9c80e79906b4, reported with execsnoop",
		Story: "A file in debugfs switches all probes off. Two probes at one address, which were " +
			"registered disabled, are then enabled: they are marked so, but their manager stays " +
			"disabled, as it must not be armed now. When all are switched on again, the manager is " +
			"passed over. Now the probes go; up to 5.19 their manager was taken to be armed, as all " +
			"were, and ftrace was asked to forget an address that it did not know. The error left the " +
			"manager in the table, with its list in a knot. Since 6.0 the manager's own flag says " +
			"whether there is anything to disarm.",
	},
	Needs: kprobes.Switching | kprobes.Tracing,
	Setup: func(w *World) {
		first, second := w.Probe("first", schedule).Disabled(), w.Probe("second", schedule).Disabled()
		must(w.K, w.Register(w.K, first))
		must(w.K, w.Register(w.K, second))
		d := w.Scheme.(kprobes.Switch)
		w.Go("switch", func(k *sim.K) {
			d.DisarmAllKprobes(k)
			d.ArmAllKprobes(k)
		})
		w.Go("tool", func(k *sim.K) {
			must(k, d.EnableKprobe(k, first.kp))
			must(k, d.EnableKprobe(k, second.kp))
			w.Unregister(k, first)
			w.Unregister(k, second)
		})
	},
})
