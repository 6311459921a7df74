package uprobes

import (
	"trapline/pagecache"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// MremapWhileUnregistering moves the text of a program to another address while its probe
// goes, and then runs it there.
var MremapWhileUnregistering = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "mremap-while-unregistering",
		Asks: "Can text take a breakpoint along to where nobody takes it out?",
		From: "ours: found by trapline fuzz in 2025-skip-moved, and in 2011-srcu-repaired as it then was; Linux 6.18, register_for_each_vma() and move_vma()",
		Story: "The other half of mremap-while-registering, and the worse one: the pages that move keep " +
			"their breakpoints. Who unregisters has listed the old place, finds nothing mapped there, " +
			"and goes on. The uprobe is deleted, the breakpoint stays, and kills the program when it " +
			"comes there. 6.18 has it still.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Mmap(w.K, mm, file))
		must(w.K, w.Register(w.K, p))
		w.M.Go("unregister", func(k *sim.K) { w.Unregister(k, p) })
		w.M.Go("mremap", func(k *sim.K) {
			must(k, w.Move(k, mm))
			w.Execute(k, mm, p)
		})
	},
})
