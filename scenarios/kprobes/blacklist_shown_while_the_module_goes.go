package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// BlacklistShownWhileTheModuleGoes reads the blacklist while a module takes its
// entries off.
var BlacklistShownWhileTheModuleGoes = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "blacklist-shown-while-the-module-goes",
		Asks: "Is the blacklist walked with something that keeps its entries?",
		From: "commit 4fdd88877e52",
		Story: "A module brings entries for the blacklist, of functions that must not be probed, and " +
			"takes them away when it goes. Who read the list in debugfs up to 5.7 held no lock, and " +
			"could be at an entry while that was freed. The file takes kprobe_mutex now.",
	},
	Needs: kprobes.Addresses,
	Setup: func(w *World) {
		mod := w.LoadModule()
		w.Go("show", func(k *sim.K) { w.Scheme.(kprobes.AddressChecker).ShowBlacklist(k) })
		w.Go("rmmod", func(k *sim.K) { _ = k.DeleteModule(mod) }) // it may be in use
	},
})
