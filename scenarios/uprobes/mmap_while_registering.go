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
		Story: "Two publish something and look for the other: register counts the probe in the inode " +
			"and then walks over all mappings; mmap looks at the count and then links its area. " +
			"In that order of mmap's steps neither sees the other, and the process runs without " +
			"the breakpoint. As merged, mmap links first and looks then. What it finds it takes a " +
			"reference to, and v3.5 forgot to drop that where the breakpoint was there already.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		w.M.Go("register", func(k *sim.K) { must(k, w.Register(k, p)) })
		w.M.Go("program", func(k *sim.K) {
			must(k, w.Mmap(k, mm, file))
			w.Execute(k, mm, p)
		})
	},
})
