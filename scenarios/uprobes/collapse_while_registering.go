package uprobes

import (
	"trapline/pagecache"
	"trapline/probes/uprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// CollapseWhileRegistering makes a huge page of the text of a program while a probe is
// registered.
var CollapseWhileRegistering = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "collapse-while-registering",
		Asks: "Does the page with the breakpoint stay where it is?",
		From: "Linux 6.1, before commit 023f47a8250c; that the page of a probe may go with the table is our own reading",
		Story: "When the pages of a file have become a huge page, khugepaged takes the page tables away " +
			"that map them. It leaves areas alone that have private pages, as those have that are " +
			"probed. Up to 6.1 it looked for that before it had mmap_sem, and not again when it had: " +
			"if the breakpoint is put in meanwhile, the page that it is in goes with the table, and " +
			"the program runs without. Now it looks again when it has it.",
	},
	Needs: uprobes.Collapses,
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Mmap(w.K, mm, file))
		pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
		h := w.Scheme.(uprobes.Collapser).Khugepaged()
		w.M.Go("register", func(k *sim.K) {
			must(k, w.Register(k, p))
			w.Execute(k, mm, p)
		})
		w.M.Go("khugepaged", func(k *sim.K) { h.RetractPageTables(k, file.Mapping) })
	},
})
