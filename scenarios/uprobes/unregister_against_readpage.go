package uprobes

import (
	"trapline/pagecache"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// UnregisterAgainstReadpage unregisters a probe while its page is read for the
// first time. When both are done, a program maps the page and runs. Another
// probe keeps the file hooked.
var UnregisterAgainstReadpage = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "unregister-against-readpage",
		Asks: "Can a breakpoint be left behind that no probe answers for?",
		From: "the posts of 2006: unregister_uprobe calls find_get_page before it takes uprobe_mutex",
		Story: "To remove a probe the patch looks for its page, takes the mutex, takes the probe off " +
			"the list, and puts the instruction back if there was a page. The page may be read by " +
			"another one between the look and the mutex: the hook still finds the probe on the " +
			"list and puts the breakpoint in. Then there is a breakpoint, and no probe, and no " +
			"page that anybody knows of. The page must be looked for when the probe is off the " +
			"list.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Register(w.K, p))
		must(w.K, w.Register(w.K, w.Probe(file, "other", int64(len(w.Image.Insn)))))
		var done sim.Completion
		w.K.InitCompletion(&done, "done")
		w.M.Go("unregister", func(k *sim.K) {
			w.Unregister(k, p)
			k.Complete(&done)
		})
		w.M.Go("reader", func(k *sim.K) {
			w.Read(k, file)
			k.Complete(&done)
		})
		w.M.Go("program", func(k *sim.K) {
			k.WaitForCompletion(&done)
			k.WaitForCompletion(&done)
			must(k, w.Mmap(k, mm, file))
			w.Execute(k, mm, p)
		})
	},
})
