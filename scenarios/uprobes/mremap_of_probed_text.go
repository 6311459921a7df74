package uprobes

import (
	"trapline/pagecache"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// MremapOfProbedText moves the text of a program, breakpoint and all, to another
// address. There is only one task: nothing races.
var MremapOfProbedText = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "mremap-of-probed-text",
		Asks: "Do pages that move keep their breakpoints, and are no others put in?",
		From: "Linux 6.16, commit 2b12d06c37fd (mm: fix uprobe pte be overwritten when expanding vma), CVE-2025-38207",
		Story: "mremap first makes the new area, and then moves the page table entries there. It " +
			"told uprobes of the new area in between: so a page with a breakpoint was put there, " +
			"only for its entry to be overwritten by that of the old one. The page was never " +
			"freed. Since 6.16 mremap says that the area is to be left alone.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Mmap(w.K, mm, file))
		must(w.K, w.Register(w.K, p))
		w.M.Go("mremap", func(k *sim.K) {
			must(k, w.Move(k, mm))
			w.Unregister(k, p)
		})
	},
})
