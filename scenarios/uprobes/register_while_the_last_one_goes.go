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
		From: "the proposal of July 2011: alloc_uprobe before i_mutex; what 66d06dffa5ef, which took uprobes_mutex away, looks again for",
		Story: "Whoever registers looks the uprobe up in the tree, and takes a reference, before he " +
			"has the mutex. The one who takes the last consumer off holds it: he removes the " +
			"breakpoints and takes the uprobe out of the tree. Then the first one adds a consumer " +
			"to an uprobe that nobody can find, and puts the breakpoints in: the next program " +
			"that comes there is killed. Linux 3.6 had the same shape; since then register looks " +
			"again under the mutex, and begins anew if the uprobe is gone.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		must(w.K, w.Mmap(w.K, mm, file))
		old, p := w.Probe(file, "old", 0), w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Register(w.K, old))
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
