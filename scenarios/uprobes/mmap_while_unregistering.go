package uprobes

import (
	"trapline/pagecache"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// MmapWhileUnregistering maps the text of a program while its last probe goes, and
// then runs it. A probe elsewhere in the file stays.
var MmapWhileUnregistering = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "mmap-while-unregistering",
		Asks: "Can mmap put in a breakpoint that nobody takes out again?",
		From: "the proposal of July 2011: consumers go under i_mutex, mmap_uprobe asks for them under uprobes_mmap_mutex",
		Story: "mmap collects the probes of the file, asks of each whether it still has users, and " +
			"then puts the breakpoint in. In the proposal the users went under another lock than " +
			"mmap held. So the last one may go behind the question, and the walk that takes the " +
			"breakpoints out may be over before the file knows the new area: the breakpoint stays, " +
			"and nobody answers for it. In mainline mmap asks under a lock of the users, when the " +
			"area is linked already; and who removes a breakpoint has to take mmap_sem.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.Register(w.K, p))
		w.M.Go("unregister", func(k *sim.K) { w.Unregister(k, p) })
		w.M.Go("program", func(k *sim.K) {
			must(w.Mmap(k, mm, file))
			w.Execute(k, mm, p)
		})
	},
})
