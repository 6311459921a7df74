package uprobes

import (
	"trapline/pagecache"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// MmapWhileRegistering maps the text of a program while a probe is registered, and
// then runs it.
var MmapWhileRegistering = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "mmap-while-registering",
		Asks: "Does either the one who registers see the mapping, or mmap the probe?",
		From: "the proposal of July 2011: mmap_uprobe looks at inode->uprobes_count",
		Story: "Who registers walks over the mappings that the file knows, and mmap puts the " +
			"breakpoints of the file into the new area: one of the two must see the other. In the " +
			"proposal mmap first looked at a counter, to be done quickly if nobody probes the file, " +
			"and that before the file knew the area. If the counter is zero then, and register " +
			"raises it and walks before the area is linked, neither does. Mainline links the area " +
			"first, and then asks.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		w.M.Go("register", func(k *sim.K) { must(w.Register(k, p)) })
		w.M.Go("program", func(k *sim.K) {
			must(w.Mmap(k, mm, file))
			w.Execute(k, mm, p)
		})
	},
})
