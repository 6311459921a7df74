package uprobes

import (
	"trapline/pagecache"
	"trapline/probes/uprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// CounterMappedLate maps the counter of a probe while that is registered, and takes the probe
// away again.
var CounterMappedLate = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "counter-mapped-late",
		Asks: "Does a program know how many probe it?",
		From: "Linux 6.18, kernel/events/uprobes.c, update_ref_ctr() and delayed_ref_ctr_inc()",
		Story: "A program may skip the work for an event that nobody wants, and look at a counter for " +
			"that, of which the file says where it is. Whoever puts a breakpoint into an address " +
			"space counts there, and whoever removes it counts back. The counter may not be mapped at " +
			"that time: then it is counted when it is. The question is a control: what went wrong " +
			"with such notes is in counter-of-a-probe-that-has-gone.",
	},
	Needs: uprobes.Counters,
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		p.Counter = w.counterPage() + 8
		must(w.K, w.Mmap(w.K, mm, file))
		pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
		w.M.Go("register", func(k *sim.K) { must(k, w.Register(k, p)) })
		w.M.Go("program", func(k *sim.K) { must(k, w.MmapCounter(k, mm, file)) })
		w.AtRest(func(k *sim.K) {
			w.mustCount(k, mm, p, 1)
			w.Unregister(k, p)
			w.mustCount(k, mm, p, 0)
		})
	},
})
