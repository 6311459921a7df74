package uprobes

import (
	"trapline/pagecache"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// MmapWithoutMemory maps the text of a program where a probe is, and there is no memory for
// the page with the breakpoint.
var MmapWithoutMemory = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "mmap-without-memory",
		Asks: "Does all stay in order if mmap cannot put the breakpoint in?",
		From: "Linux 6.18, kernel/events/uprobes.c, uprobe_mmap(): errors are ignored",
		Story: "A breakpoint needs a page, and mmap may find none. Linux 3.5 had mmap fail; since then " +
			"the program goes before, and the hit is missed. That is meant so, and nothing here may " +
			"complain about it; but nothing may be left behind.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		mm.Zone = pagecache.NewZone(w.K, 0)
		p := w.Probe(file, w.Image.Symbol, 0)
		pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
		must(w.K, w.Register(w.K, p))
		w.M.Go("program", func(k *sim.K) {
			if w.Mmap(k, mm, file) == nil {
				w.ExecuteIfMapped(k, mm)
			}
			w.Unregister(k, p)
		})
	},
})
