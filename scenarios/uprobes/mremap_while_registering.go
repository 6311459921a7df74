package uprobes

import (
	"trapline/pagecache"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// MremapWhileRegistering moves the text of a program to another address while a probe is
// registered, and then runs it there.
var MremapWhileRegistering = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "mremap-while-registering",
		Asks: "Is text that moves during the walk over all who map the file seen in one of its places?",
		From: "ours: found by trapline fuzz in 2025-skip-moved, and in 2011-srcu-repaired as it then was; Linux 6.18, register_for_each_vma() and move_vma()",
		Story: "Who registers a probe first lists where the file is mapped, under i_mmap_lock, and then " +
			"takes the mmap_sem of one process after the other. A place that is no longer mapped is " +
			"passed over: munmap has nothing to be probed. But the text may have been moved. mremap " +
			"has given the new area to the file after the list was made, and nobody looks there: the " +
			"probe is registered, and never hit. Up to 6.15 mremap told uprobes of the new area, but " +
			"before there was a page in it. This we have not seen reported. 6.18 has it still.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Mmap(w.K, mm, file))
		w.M.Go("register", func(k *sim.K) { must(k, w.Register(k, p)) })
		w.M.Go("mremap", func(k *sim.K) {
			must(k, w.Move(k, mm))
			w.Execute(k, mm, p)
		})
	},
})
