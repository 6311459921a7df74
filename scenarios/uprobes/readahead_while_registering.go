package uprobes

import (
	"trapline/pagecache"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// ReadaheadWhileRegistering registers the first probe of a file while a reader
// has a window of its pages read at once, so through readpages. When both are
// done, the program runs.
var ReadaheadWhileRegistering = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "readahead-while-registering",
		Asks: "Does a page that is being read ahead get the breakpoint of a probe that is registered meanwhile?",
		From: "the February 2006 post: uprobe_readpages, and the window between the load of a_ops->readpages and the pages being in the cache",
		Story: "Files are mostly read by readpages, many pages at once, and the hook is there as " +
			"well. A reader who has loaded the pointer to the old method before the first probe " +
			"is registered reads without the hook. The one who registers looks for the page " +
			"meanwhile, and it is not in the cache yet. So nobody puts the breakpoint in. The " +
			"repaired form looks at the page again when it has been read, whoever has read it.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Disk)
		file.ReadaheadPages = 1
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Mmap(w.K, mm, file))
		var done sim.Completion
		w.K.InitCompletion(&done, "done")
		w.M.Go("register", func(k *sim.K) {
			must(k, w.Register(k, p))
			k.Complete(&done)
		})
		w.M.Go("reader", func(k *sim.K) {
			w.Read(k, file)
			k.Complete(&done)
		})
		w.M.Go("program", func(k *sim.K) {
			k.WaitForCompletion(&done)
			k.WaitForCompletion(&done)
			w.Execute(k, mm, p)
			must(k, w.Munmap(k, mm))
			w.Unregister(k, p)
		})
	},
})
