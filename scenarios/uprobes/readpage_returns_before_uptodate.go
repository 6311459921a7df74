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
		Story: "The hook calls the file's own readpage and then puts the breakpoint into the page. But " +
			"readpage only starts to read; the device writes the page later, and an interrupt says " +
			"when it is done. So the byte that is saved is not that of the file, and the breakpoint " +
			"is overwritten; a program that runs through the page never hits it, and unregister " +
			"writes what was saved into its text. The reviewer saw that. One must act when the page " +
			"is up to date, at the end of the read or at the fault.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Disk)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.Mmap(w.K, mm, file))
		must(w.Register(w.K, p))
		w.M.Go("program", func(k *sim.K) { w.Execute(k, mm, p) })
		w.M.Go("reader", func(k *sim.K) { w.Read(k, file) })
	},
})

// must is for what cannot fail in a scenario unless the scenario is wrong.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
