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
		Story: "To remove a probe the patch walks over all mappings of the file under i_mmap_lock, a " +
			"spinlock, and for each of them calls a function that takes kprobe_mutex. Its comment " +
			"knows: the mutex should become a spinlock. Another task may hold the mutex and wait " +
			"for memory; then this one goes to sleep with the spinlock held, and everybody who " +
			"wants that spins. The reviewer asked for the mutex to be taken before the walk.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		q := w.Probe(file, "other", int64(len(w.Image.Insn)))
		must(w.K, w.Mmap(w.K, mm, file))
		pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
		must(w.K, w.Register(w.K, p))
		w.M.Go("unregister", func(k *sim.K) { w.Unregister(k, p) })
		w.M.Go("other", func(k *sim.K) {
			must(k, w.Register(k, q))
			w.Unregister(k, q)
		})
	},
})
