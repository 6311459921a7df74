package uprobes

import (
	"trapline/pagecache"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// ForkWhileUnregistering forks a program while its probe goes, and then runs the
// child.
var ForkWhileUnregistering = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "fork-while-unregistering",
		Asks: "Can a child be born with a breakpoint that nobody takes out?",
		From: "Linux 3.8, commit 32cdba1e0541 (uprobes: Use percpu_rw_semaphore to fix register/unregister vs dup_mmap() race)",
		Story: "A child begins with the private pages of its parent, breakpoints and all. Who " +
			"unregisters walks over all that map the file. If the walk is over before the child " +
			"is known to the file, and the parent is cleaned only after its pages were copied, " +
			"the breakpoint stays in the child, and kills it. Since 3.8 fork is a reader of " +
			"dup_mmap_sem, and who registers or unregisters a writer.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Mmap(w.K, mm, file))
		must(w.K, w.Register(w.K, p))
		w.M.Go("unregister", func(k *sim.K) { w.Unregister(k, p) })
		w.M.Go("fork", func(k *sim.K) {
			child, err := w.Fork(k, mm, "child")
			must(k, err)
			w.Execute(k, child, p)
		})
	},
})
