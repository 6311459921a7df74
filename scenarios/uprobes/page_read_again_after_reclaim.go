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
		Story: "The saved opcode of a probe also says that its breakpoint is in the page. The page is " +
			"clean as far as the kernel knows, so it may be dropped when memory is short, and is " +
			"read anew at the next fault. The hook sees the opcode, believes that all is done, and " +
			"the probe is never hit again. What is to be known of a page must be kept with the " +
			"page, or the page must be looked at.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.Mmap(w.K, mm, file))
		must(w.Register(w.K, p))
		w.M.Go("program", func(k *sim.K) {
			w.Execute(k, mm, p)
			w.Execute(k, mm, p)
		})
		w.M.Go("kswapd", func(k *sim.K) { pagecache.Reclaim(k, file, uint64(w.Image.PageIndex())) })
	},
})
