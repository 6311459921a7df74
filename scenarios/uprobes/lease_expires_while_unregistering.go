package uprobes

import (
	"trapline/pagecache"
	"trapline/probes/uprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// LeaseExpiresWhileUnregistering has a timer come for a call that is ending, and then
// its probe goes.
var LeaseExpiresWhileUnregistering = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "lease-expires-while-unregistering",
		Asks: "Who gives the last reference back, and may he?",
		From: "Linux 6.13, commits 2bf8e5aceff8 and dd1a7567784e: put_uprobe() and ri_timer()",
		Story: "A call that takes long has its lease on the uprobe turned into a reference, by a timer. " +
			"If the call ends at that moment, the timer has taken its reference in vain, and gives it " +
			"back; and if unregister was faster than that, it was the last one. Who drops the last " +
			"one frees the uprobe, for which he needs a mutex and a lock that nobody protects from " +
			"softirqs, and a timer is one. So since 6.13 a work item does it.",
	},
	Needs: uprobes.Returns,
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Mmap(w.K, mm, file))
		pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
		p.Returning(false)
		must(w.K, w.Register(w.K, p))
		w.Patient = true
		w.M.Go("program", func(k *sim.K) {
			w.Call(k, mm, p, func(*sim.K) {})
			w.Unregister(k, p)
		})
	},
})
