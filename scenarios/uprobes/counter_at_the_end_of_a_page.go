package uprobes

import (
	"trapline/pagecache"
	"trapline/probes/uprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// CounterAtTheEndOfAPage registers a probe whose counter begins with the last byte of a page.
var CounterAtTheEndOfAPage = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "counter-at-the-end-of-a-page",
		Asks: "Does the kernel write beyond the page that it has mapped?",
		From: "Linux 5.8, commit 013b2deba9a6",
		Story: "A counter has two bytes, and the kernel maps the page that it lies in to change it. That " +
			"it lies in one page is so if its place is even, which nobody had asked for until 5.8.",
	},
	Needs: uprobes.Counters,
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		p.Counter = w.counterPage() + pagecache.PageSize - 1
		must(w.K, w.Mmap(w.K, mm, file))
		pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
		must(w.K, w.MmapCounter(w.K, mm, file))
		w.M.Go("register", func(k *sim.K) {
			if err := w.Register(k, p); err != sim.EINVAL {
				must(k, err)
			}
		})
	},
})
