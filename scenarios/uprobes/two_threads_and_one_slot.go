package uprobes

import (
	"trapline/pagecache"
	"trapline/probes/uprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// TwoThreadsAndOneSlot has two threads step an instruction at the same time, and there is
// one slot.
var TwoThreadsAndOneSlot = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "two-threads-and-one-slot",
		Asks: "Does a thread that has to wait for a slot get one?",
		From: "Linux 6.18, kernel/events/uprobes.c, xol_get_insn_slot() and xol_free_insn_slot()",
		Story: "The page has a bit for each slot. A thread that finds none free sleeps, and whoever is " +
			"done clears his bit, and then looks whether anybody sleeps: in that order, so that no " +
			"wake-up is lost. Both threads may also be the first to need the page, and then one of " +
			"them gets that of the other. The question is a control.",
	},
	Needs: uprobes.Slots,
	Setup: func(w *World) {
		w.Probing(mov)
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Mmap(w.K, mm, file))
		pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
		must(w.K, w.Register(w.K, p))
		for _, name := range []string{"one", "two"} {
			w.M.Go(name, func(k *sim.K) { w.Execute(k, mm, p) })
		}
	},
})
