package uprobes

import (
	"trapline/pagecache"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// InvalidateWhileRegistering drops the pages of a file while a probe is registered.
// Then a program runs.
var InvalidateWhileRegistering = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "invalidate-while-registering",
		Asks: "Is the breakpoint written into a page that is still the one of the file?",
		From: "linux-kernel, 20 March 2006, Andrew Morton on map_uprobe_page(): \"might be racy with truncate\", 20060320024248.426b97ec.akpm@osdl.org",
		Story: "A page that was found in the page cache may leave it at any time, unless it is " +
			"locked. map_uprobe_page waited for the page, looked at it, and then locked it; by " +
			"then the page may be nobody's. The breakpoint goes into that, the next fault reads " +
			"the page anew, and the probe believes that it is inserted. So one must lock first, " +
			"and then look whether the page is still in the file.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Mmap(w.K, mm, file))
		pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
		var done sim.Completion
		w.K.InitCompletion(&done, "done")
		w.M.Go("register", func(k *sim.K) {
			must(k, w.Register(k, p))
			k.WaitForCompletion(&done)
			w.Execute(k, mm, p)
		})
		w.M.Go("invalidate", func(k *sim.K) {
			pagecache.InvalidateInUse(k, file)
			k.Complete(&done)
		})
	},
})
