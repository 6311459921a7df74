package uprobes

import (
	"trapline/pagecache"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// PageReadAgainAfterReclaim takes a probed page from memory, as the kernel may
// at any time with a page that is clean, and runs the program once more.
var PageReadAgainAfterReclaim = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "page-read-again-after-reclaim",
		Asks: "Does a page that is read again get its breakpoint again?",
		From: "reading the February 2006 post: kp.opcode stays set when the page is dropped",
		Story: "A breakpoint that is written into the page cache does not make the page dirty. The " +
			"kernel may drop such a page at any time and read it again from disk, without the " +
			"breakpoint. The hook of the patch would put it in again, but the probe still has the " +
			"instruction that it has saved, and by that the hook knows a probe that is in place. So " +
			"it passes it over, from then on for ever. This is in none of the mails. The repaired " +
			"form keeps no such flag: it looks at the page whenever that has been read.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Mmap(w.K, mm, file))
		must(w.K, w.Register(w.K, p))
		w.M.Go("program", func(k *sim.K) {
			w.Execute(k, mm, p)
			w.Execute(k, mm, p)
		})
		w.M.Go("kswapd", func(k *sim.K) { pagecache.Reclaim(k, file, uint64(w.Image.PageIndex())) })
	},
})
