package uprobes

import (
	"trapline/pagecache"
	"trapline/probes/uprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
	"trapline/vm"
)

// CollapseWhileLooking makes a huge page of the text of a program while somebody walks over its page
// table without a lock.
var CollapseWhileLooking = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "collapse-while-looking",
		Asks: "Is a page table freed under those who walk over it?",
		From: "Linux 6.0, before commit 2ba99c5e0881",
		Story: "Who needs a page of a program in a hurry walks over the page table with interrupts off and " +
			"without a lock. So whoever frees a page table has to interrupt all processors first. A flush " +
			"of TLBs does that by accident, unless the processor has nothing to flush; khugepaged relied on " +
			"it up to 6.0, and says now what it means.",
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
		w.M.Go("fast", func(k *sim.K) {
			if page := vm.GetUserPageFast(k, mm, w.Image.Addr); page != nil {
				pagecache.PageCacheRelease(k, page)
			}
		})
		w.M.Go("khugepaged", func(k *sim.K) { h.RetractPageTables(k, file.Mapping) })
	},
})
