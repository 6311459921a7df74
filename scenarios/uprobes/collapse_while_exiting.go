package uprobes

import (
	"trapline/pagecache"
	"trapline/probes/uprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
	"trapline/vm"
)

// CollapseWhileExiting makes a huge page of the text of a program that ends.
var CollapseWhileExiting = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "collapse-while-exiting",
		Asks: "Is the page table of a process that ends left to itself?",
		From: "Linux 5.8, commit 18e77600f7a1",
		Story: "A process that ends takes its page tables down without a lock: nobody else uses its address " +
			"space any more. But khugepaged comes by way of the file, gets mmap_sem, since nobody has it, " +
			"and takes the page table away under the walk that clears it. Since 5.8 it asks whether there " +
			"are users left when it has the lock.",
	},
	Needs: uprobes.Collapses,
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		must(w.K, w.Mmap(w.K, mm, file))
		pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
		vm.WatchTable(w.K, mm)
		h := w.Scheme.(uprobes.Collapser).Khugepaged()
		w.M.ShareCPUs()
		w.M.Go("exit", func(k *sim.K) { w.Exit(k, mm) })
		w.M.Go("khugepaged", func(k *sim.K) { h.RetractPageTables(k, file.Mapping) })
	},
})
