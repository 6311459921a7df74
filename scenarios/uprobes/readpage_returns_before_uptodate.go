package uprobes

import (
	"trapline/pagecache"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// ReadpageReturnsBeforeUptodate lets a program run into a probed page that is
// not in memory, on a disk that takes its time. A second process reads the same
// page, so that either may be the one that has it read.
var ReadpageReturnsBeforeUptodate = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "readpage-returns-before-uptodate",
		Asks: "Is the page up to date when the breakpoint is planted?",
		From: "the review of the February 2006 post: \"When readpage/readpages return, it doesn't mean the page/pages are really already up-to-date\"",
		Story: "readpage starts the read and returns; when the data are there the disk's interrupt " +
			"marks the page as up to date and unlocks it. The hook of the patch comes in between: " +
			"it saves the byte that happens to be in memory as the instruction, writes the " +
			"breakpoint, and the disk then writes over both. The probe is never hit, and when it " +
			"is removed the byte that was saved is written into the program. The reviewer named " +
			"it, and it is why uprobes no longer change pages of the cache.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Disk)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Mmap(w.K, mm, file))
		must(w.K, w.Register(w.K, p))
		w.M.Go("program", func(k *sim.K) { w.Execute(k, mm, p) })
		w.M.Go("reader", func(k *sim.K) { w.Read(k, file) })
	},
})
