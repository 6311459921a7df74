package uprobes

import (
	"trapline/pagecache"
	"trapline/probes/uprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// TwoHandlersRemoveABreakpoint has two threads remove a breakpoint from their process.
var TwoHandlersRemoveABreakpoint = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "two-handlers-remove-a-breakpoint",
		Asks: "May two threads put the same byte back?",
		From: "the text of commits 84455e6923c7 and 7769cb177b23: why mmap_sem held for reading was enough for one byte",
		Story: "Up to 6.17 a thread whose handlers want to know no more of its process took the " +
			"breakpoint out with mmap_sem held for reading. Two may do so at once; whoever comes " +
			"second finds the byte of the instruction, or writes it once more. That is in order, and " +
			"nothing here may complain about it. The question is a control; since a probe may be a " +
			"call of five bytes the same is two-handlers-remove-a-call.",
	},
	Needs: uprobes.Filters,
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Mmap(w.K, mm, file))
		pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
		wanted := w.Unwanted(p)
		must(w.K, w.Register(w.K, p))
		wanted.Write(w.K, false)
		for _, name := range []string{"one", "two"} {
			w.M.Go(name, func(k *sim.K) { w.ExecuteIfMapped(k, mm) })
		}
	},
})
