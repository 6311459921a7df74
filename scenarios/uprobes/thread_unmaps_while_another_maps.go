package uprobes

import (
	"trapline/pagecache"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// ThreadUnmapsWhileAnotherMaps has one thread map the text of a program and another
// one unmap it again, while somebody registers a probe.
var ThreadUnmapsWhileAnotherMaps = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "thread-unmaps-while-another-maps",
		Asks: "May mmap let go of mmap_sem half way?",
		From: "the proposal of July 2011, its last note; this question is ours",
		Story: "mmap has put the area into the address space when it calls mmap_uprobe, and the file " +
			"does not know it yet. If it lets go of mmap_sem there, another thread may unmap and free " +
			"the area, and mmap goes on with memory that is freed. To verify the area within " +
			"mmap_uprobe is not enough: its callers have pointers to it as well. What was merged in " +
			"2012 keeps mmap_sem from the beginning to the end of mmap, with locks of uprobes inside " +
			"of it.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		must(w.K, w.Register(w.K, w.Probe(file, "other", int64(len(w.Image.Insn)))))
		p := w.Probe(file, w.Image.Symbol, 0)
		w.M.Go("mmap", func(k *sim.K) { must(k, w.Mmap(k, mm, file)) })
		w.M.Go("munmap", func(k *sim.K) { must(k, w.Munmap(k, mm)) })
		w.M.Go("register", func(k *sim.K) { must(k, w.Register(k, p)) })
	},
})
