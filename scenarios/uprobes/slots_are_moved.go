package uprobes

import (
	"trapline/pagecache"
	"trapline/probes/uprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// SlotsAreMoved has a thread move the page in which another one steps instructions.
var SlotsAreMoved = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "slots-are-moved",
		Asks: "Can a program move the page of slots away?",
		From: "Linux 6.13, commit c16e2fdd746c; Linux 6.11, commit e240b0fde52f",
		Story: "An instruction that the kernel does not do itself is copied into a slot, in a page that " +
			"each address space has for that, and stepped there. The page is mapped like others, and " +
			"a program could move it with mremap. The kernel did not learn of it, and went on to send " +
			"threads to where it had been. Up to 6.10 it was worse: the mapping has a function for " +
			"mremap, which nobody had set, in memory that nobody had cleared. Now mremap is refused.",
	},
	Needs: uprobes.Slots,
	Setup: func(w *World) {
		w.Probing(mov)
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Mmap(w.K, mm, file))
		pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
		must(w.K, w.Register(w.K, p))
		w.M.Go("program", func(k *sim.K) {
			w.Execute(k, mm, p)
			w.Execute(k, mm, p)
		})
		w.M.Go("mremap", func(k *sim.K) { w.MoveSlots(k, mm) })
	},
})
