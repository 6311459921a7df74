package uprobes

import (
	"trapline/pagecache"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// TextMappedAgain unmaps the text with the breakpoint, maps it again and executes it, before
// and after the probe goes.
var TextMappedAgain = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "text-mapped-again",
		Asks: "Is it known which address spaces have breakpoints?",
		From: "Linux 3.7, kernel/events/uprobes.c, MMF_HAS_UPROBES and MMF_RECALC_UPROBES",
		Story: "So that traps of programs without probes cost nothing, an address space has a flag that " +
			"says that it may have breakpoints. It is set before the first one is put in, and looked " +
			"into again only when a trap finds no uprobe after text was unmapped. So it may be set " +
			"for longer than there are any, which is in order; clear it must never be while there is " +
			"one. Where the question fails it is for what the designs do as text is unmapped.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Mmap(w.K, mm, file))
		pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
		must(w.K, w.Register(w.K, p))
		w.M.Go("program", func(k *sim.K) {
			must(k, w.Munmap(k, mm))
			must(k, w.Mmap(k, mm, file))
			w.Execute(k, mm, p)
			w.Unregister(k, p)
			w.Execute(k, mm, p)
		})
	},
})
