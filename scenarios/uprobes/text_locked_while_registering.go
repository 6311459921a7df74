package uprobes

import (
	"trapline/pagecache"
	"trapline/probes/uprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
	"trapline/vm"
)

// TextLockedWhileRegistering locks text in memory, which lies in a huge page, while a probe
// is registered in it.
var TextLockedWhileRegistering = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "text-locked-while-registering",
		Asks: "Is a part of a huge page left alone when the breakpoint takes its place?",
		From: "Linux 5.9, commit c17c3dc9d08b (uprobes: __replace_page() avoid BUG in munlock_vma_page()), found by syzbot",
		Story: "A program has its text in a huge page of the file, and locks it in memory with mlock(2). Who " +
			"registers gives it a page of its own in place of one of the huge page's. Up to 5.3 the huge " +
			"page was split into pages for that; since then only its entry in the page table is, and it " +
			"stays one compound page. But __replace_page() went on to munlock the page that it had taken " +
			"out. A compound page is locked by its first part, and munlock_vma_page() has a VM_BUG_ON() " +
			"for the others: the kernel stops. Since 5.9 what is part of a compound page is not " +
			"munlocked there. Page tables are of single pages here, as they are when the entry was split.",
	},
	Needs: uprobes.Locked,
	Setup: func(w *World) {
		if w.Image.PageIndex() == 0 { // the first part of a huge page would do
			w.Image = laterPage
		}
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Mmap(w.K, mm, file))
		pages := uint64(w.Image.PageIndex()) + 1
		for i := range pages {
			pagecache.Populate(w.K, file, i)
		}
		pagecache.MakeCompound(w.K, file, 0, pages)
		w.M.Go("program", func(k *sim.K) {
			start, length, _ := w.text()
			must(k, vm.Mlock(k, mm, start, length))
			w.Execute(k, mm, p)
		})
		w.M.Go("register", func(k *sim.K) { must(k, w.Register(k, p)) })
	},
})
