package uprobes

import (
	"trapline/pagecache"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// SecondProcessMapsWhileRegistering registers a probe in one process while another
// one maps the file and runs.
var SecondProcessMapsWhileRegistering = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "second-process-maps-while-registering",
		Asks: "Is the instruction that is stepped complete before anybody can step it?",
		From: "Linux 3.7, commit 4710f05fd146 (uprobes: Fix prepare_uprobe() race with itself)",
		Story: "The first process that gets the breakpoint has the instruction copied, and rewritten " +
			"for where it will be stepped. Each process does that under its own mmap_sem only. So " +
			"two of them can do it at once, and one may hand out the copy as ready while the " +
			"other has just overwritten it with the bytes of the file. Since 3.7 a mutex in the " +
			"uprobe lets one at a time.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		first, second := w.Space("first"), w.Space("second")
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Mmap(w.K, first, file))
		pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
		w.M.Go("register", func(k *sim.K) { must(k, w.Register(k, p)) })
		w.M.Go("program", func(k *sim.K) {
			must(k, w.Mmap(k, second, file))
			w.Execute(k, second, p)
		})
	},
})
