package uprobes

import (
	"trapline/pagecache"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// RegisterWhileTheLastOneGoes registers a probe at a place while the only other one
// there is unregistered. Then a program runs.
var RegisterWhileTheLastOneGoes = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "register-while-the-last-one-goes",
		Asks: "Can a new user be attached to an uprobe that is being taken down?",
		From: "the proposal of July 2011: alloc_uprobe before i_mutex; Linux 3.6 still had it (66d06dffa5ef)",
		Story: "Who registers looks the uprobe of the place up, or makes one, and then takes a mutex " +
			"to add himself. In between, the last user may go, take all breakpoints out and the " +
			"uprobe off the tree. The newcomer puts his breakpoints in all the same, for an uprobe " +
			"that no trap can find. Linux 3.6 still had it; since then one looks again whether the " +
			"uprobe is in use, and starts anew if not.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		must(w.Mmap(w.K, mm, file))
		old, p := w.Probe(file, "old", 0), w.Probe(file, w.Image.Symbol, 0)
		must(w.Register(w.K, old))
		var done sim.Completion
		w.K.InitCompletion(&done, "done")
		w.M.Go("unregister", func(k *sim.K) {
			w.Unregister(k, old)
			k.Complete(&done)
		})
		w.M.Go("register", func(k *sim.K) {
			if w.Register(k, p) == sim.EEXIST {
				return // the designs of 2006 have one probe at a place
			}
			k.WaitForCompletion(&done)
			w.Execute(k, mm, p)
		})
	},
})
