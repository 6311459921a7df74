package uprobes

import (
	"trapline/pagecache"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// TruncateWhileExecuting cuts a file off before its probed text, while a program
// executes that.
var TruncateWhileExecuting = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "truncate-while-executing",
		Asks: "Does a program whose text is cut off get SIGBUS, and nothing else?",
		From: "linux-kernel, 20 March 2006, Andrew Morton on map_uprobe_page(): \"might be racy with truncate\", 20060320024248.426b97ec.akpm@osdl.org",
		Story: "The file grows by a page first, which is nothing to the program. Then it is cut " +
			"off before the text: all page tables lose it, with the copies that have " +
			"breakpoints in them. The program may have fetched the breakpoint, may have trapped, " +
			"or be in the midst of a copy. From its next fetch on it gets SIGBUS; until then it " +
			"computes what it computes without a probe, and a trap is answered for. The designs " +
			"of 2006 refuse writers of a file that is probed, so nothing is cut off there.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		g := w.Guest(mm, 3)
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Register(w.K, p))
		must(w.K, w.Mmap(w.K, mm, file))
		g.Fetch(w.K)
		w.M.Go("program", func(k *sim.K) { g.RunUntilCut(k) })
		w.M.Go("truncate", func(k *sim.K) {
			for _, size := range []int64{int64(len(w.Image.Bytes)) + pagecache.PageSize, w.Image.PageIndex() << pagecache.PageShift} {
				if pagecache.DoTruncate(k, file, size) != nil {
					break
				}
			}
		})
	},
})
