package uprobes

import (
	"trapline/pagecache"
	"trapline/probes/uprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// CounterOfAProbeThatHasGone maps the counter of a probe when text and probe are gone.
var CounterOfAProbeThatHasGone = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "counter-of-a-probe-that-has-gone",
		Asks: "Does what waits for a counter go with its probe?",
		From: "Linux 4.20-rc, before commit 1aed58e67a6e",
		Story: "A program may have a counter of those who probe it. If that is not mapped yet when the " +
			"breakpoint is put in, a note is made to count later. The note was removed with the " +
			"breakpoint; but where the text was unmapped before, there is no breakpoint to remove, " +
			"and the note stayed. When the counter was mapped at last, it led to an uprobe that was " +
			"free. In 4.20 the note goes with the uprobe.",
	},
	Needs: uprobes.Counters,
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		p.Counter = w.counterPage() + 8
		must(w.K, w.Mmap(w.K, mm, file))
		pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
		must(w.K, w.Register(w.K, p))
		w.M.Go("program", func(k *sim.K) {
			must(k, w.Munmap(k, mm))
			w.Unregister(k, p)
			k.RCUBarrierTasksTrace()
			must(k, w.MmapCounter(k, mm, file))
		})
	},
})
