package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// KeyUsedWithTheCpusLocked uses a static key without cpu_hotplug_lock and with it.
var KeyUsedWithTheCpusLocked = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "key-used-with-the-cpus-locked",
		Asks: "In which order are cpu_hotplug_lock and jump_label_mutex taken?",
		From: "commit f2545b2d4ce1",
		Story: "While text is patched no CPU may come or go, so the code of a static key is patched " +
			"under cpu_hotplug_lock. There are users who hold that already. As long as it was taken " +
			"inside of jump_label_mutex they took the two in the other order, and the lock twice. " +
			"Since 4.13 it is taken first, and those who have it call a function that does not take " +
			"it.",
	},
	Needs: kprobes.Keys,
	Setup: func(w *World) {
		d := w.Scheme.(kprobes.KeyHolder)
		w.Go("user", func(k *sim.K) {
			w.UseKey(k)
			d.CPUsReadLock(k)
			d.StaticKeySlowIncCpuslocked(k)
			d.StaticKeySlowDecCpuslocked(k)
			d.CPUsReadUnlock(k)
		})
	},
})
