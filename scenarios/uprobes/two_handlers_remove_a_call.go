package uprobes

import (
	"trapline/pagecache"
	"trapline/probes/uprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// TwoHandlersRemoveACall has two threads remove an optimised probe from their process, and one
// of them executes it again.
var TwoHandlersRemoveACall = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "two-handlers-remove-a-call",
		Asks: "Does nobody execute half of an instruction?",
		From: "Linux 6.18, commit 7769cb177b23: unapply_uprobe()",
		Story: "A handler can say that nobody wants to know of this process any more, and the thread " +
			"then takes the breakpoint out of it. For that it held mmap_sem for reading only: two " +
			"threads may write the same byte at the same time. With a probe that has become a call " +
			"there are five bytes, written one after the other, behind a breakpoint. The second " +
			"thread finds that, takes it for a plain one, and puts the first byte of the instruction " +
			"back before the rest of it is there. Since 6.18 mmap_sem is held for writing.",
	},
	Needs: uprobes.Calls | uprobes.Filters,
	Setup: func(w *World) {
		w.ProbingNop()
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Mmap(w.K, mm, file))
		pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
		wanted := w.Unwanted(p)
		must(w.K, w.Register(w.K, p))
		w.ExecuteIfMapped(w.K, mm) // which optimises
		wanted.Write(w.K, false)
		w.M.Go("one", func(k *sim.K) { w.ExecuteIfMapped(k, mm) })
		w.M.Go("two", func(k *sim.K) {
			w.ExecuteIfMapped(k, mm)
			w.ExecuteIfMapped(k, mm)
		})
	},
})
