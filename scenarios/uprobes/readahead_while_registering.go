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
		Story: "A reader loads the method that reads pages ahead, then makes the pages and hands them " +
			"over. If register_uprobe comes between the two, it finds no page in the cache to put " +
			"its breakpoint into, and the method that the reader has loaded is the one without the " +
			"hook. If it comes later it finds the page, which is still being read. In neither case " +
			"does the post look whether the page is up to date.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Disk)
		file.ReadaheadPages = 1
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.Mmap(w.K, mm, file))
		var done sim.Completion
		w.K.InitCompletion(&done, "done")
		w.M.Go("register", func(k *sim.K) {
			must(w.Register(k, p))
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
			must(w.Munmap(k, mm))
			w.Unregister(k, p)
		})
	},
})
