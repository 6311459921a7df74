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
		Story: "In the proposal whoever registers collects the areas of the file on a list, and then " +
			"takes mmap_sem of one process after the other, as a reader of SRCU, so that the areas " +
			"stay. munmap takes its area off the list, under mmap_sem, and waits for such readers: " +
			"one who is about to take that mmap_sem waits for munmap, and munmap for him. Besides, " +
			"three locks were used for one link of the list. What was merged remembers the process " +
			"and the address, and looks the area up again.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		must(w.Mmap(w.K, mm, file))
		pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
		p := w.Probe(file, w.Image.Symbol, 0)
		w.M.Go("register", func(k *sim.K) {
			must(w.Register(k, p))
			w.Unregister(k, p)
		})
		w.M.Go("munmap", func(k *sim.K) { must(w.Munmap(k, mm)) })
	},
})
