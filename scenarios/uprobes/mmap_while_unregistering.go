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
		Story: "In the proposal of 2011 mmap asks under uprobes_mmap_mutex whether the uprobe has a " +
			"consumer, and the consumers are taken off under i_mutex. So the last one can go " +
			"after mmap has asked; the walk over all mappings does not find the new area, which " +
			"is not linked yet; and then mmap puts the breakpoint in. Nobody takes it out again, " +
			"and nobody answers for it: the program is killed. As merged, the area is linked " +
			"before, and consumers are asked under the lock that they change under.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Register(w.K, p))
		w.M.Go("unregister", func(k *sim.K) { w.Unregister(k, p) })
		w.M.Go("program", func(k *sim.K) {
			must(k, w.Mmap(k, mm, file))
			w.Execute(k, mm, p)
		})
	},
})
