package uprobes

import (
	"trapline/pagecache"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// MunmapWhileRegistering unmaps the text of a program while a probe is put into it,
// and while one is taken away.
var MunmapWhileRegistering = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "munmap-while-registering",
		Asks: "Can munmap and those who walk over all mappings get into each other's way?",
		From: "the proposal of July 2011: synchronize_srcu in munmap_uprobe",
		Story: "The proposal of 2011 collects the areas of a walk on a list whose link lies in the " +
			"area, and munmap takes an area off that list. That is one link under three locks: " +
			"who walks holds i_mmap_mutex when he links it and nothing that munmap takes when he " +
			"uses it. And munmap waits in synchronize_srcu, with mmap_sem held for writing, for a " +
			"reader who waits for that mmap_sem. The repaired form keeps what it has collected in " +
			"memory of its own, and lets munmap wait for nobody.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		must(w.K, w.Mmap(w.K, mm, file))
		pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
		p := w.Probe(file, w.Image.Symbol, 0)
		w.M.Go("register", func(k *sim.K) {
			must(k, w.Register(k, p))
			w.Unregister(k, p)
		})
		w.M.Go("munmap", func(k *sim.K) { must(k, w.Munmap(k, mm)) })
	},
})
