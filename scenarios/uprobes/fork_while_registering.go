package uprobes

import (
	"trapline/pagecache"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// ForkWhileRegistering forks a program while a probe is registered, and then runs the
// child.
var ForkWhileRegistering = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "fork-while-registering",
		Asks: "Can a child be born without a breakpoint that it should have?",
		From: "Linux 3.8, commit 32cdba1e0541 (uprobes: Use percpu_rw_semaphore to fix register/unregister vs dup_mmap() race)",
		Story: "Who registers walks over all that map the file, and puts the breakpoint into each. A " +
			"child that the file does not know yet is not among them, and if its pages were copied " +
			"before the parent got the breakpoint, it runs without. Since 3.8 fork is a reader of " +
			"dup_mmap_sem from before the pages are copied until the file knows the child, and who " +
			"registers is a writer.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Mmap(w.K, mm, file))
		var done sim.Completion
		w.K.InitCompletion(&done, "done")
		w.M.Go("register", func(k *sim.K) {
			must(k, w.Register(k, p))
			k.Complete(&done)
		})
		w.M.Go("fork", func(k *sim.K) {
			child, err := w.Fork(k, mm, "child")
			must(k, err)
			k.WaitForCompletion(&done)
			w.Execute(k, child, p)
		})
	},
})
