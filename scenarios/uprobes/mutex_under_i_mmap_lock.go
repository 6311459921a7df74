package uprobes

import (
	"trapline/pagecache"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// MutexUnderIMmapLock unregisters a probe whose page is in memory and mapped,
// while another probe of the same file comes and goes.
var MutexUnderIMmapLock = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "mutex-under-i_mmap_lock",
		Asks: "Does unregistering sleep while it walks over those who map the file?",
		From: "the February 2006 post: \"TODO: change it to spin lock, we enter here holding i_mmap_lock\", and its review",
		Story: "unregister_uprobe of the post walks over those who map the file under a spinlock, and " +
			"takes a mutex there to remove the probe. The author had noted it as a thing to do; the " +
			"reviewer proposed to take the mutex before the walk. Whoever sleeps with a spinlock " +
			"held stops everybody who spins for it.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		q := w.Probe(file, "other", int64(len(w.Image.Insn)))
		must(w.Mmap(w.K, mm, file))
		pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
		must(w.Register(w.K, p))
		w.M.Go("unregister", func(k *sim.K) { w.Unregister(k, p) })
		w.M.Go("other", func(k *sim.K) {
			must(w.Register(k, q))
			w.Unregister(k, q)
		})
	},
})
