package uprobes

import (
	"trapline/pagecache"
	"trapline/probes/uprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// ForkFailsWhileRegistering registers a probe while fork, for want of memory, gives a child
// up half made.
var ForkFailsWhileRegistering = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "fork-fails-while-registering",
		Asks: "Is a child left alone that fork has given up?",
		From: "Linux 6.14, commits 8ac662f5da19 and 64c37e134b12",
		Story: "Fork links each area of the child to its file as soon as it is made. If it cannot make the next " +
			"one, it marks the place in the tree of areas, and drops its locks before it takes the child " +
			"down. Who registers meanwhile finds the child by the file, and puts the breakpoint in; and to " +
			"have a private page the area looks at its neighbour, which is the mark. Since 6.14 fork says " +
			"that such an address space is not to be used, and who registers asks.",
	},
	Needs: uprobes.FailedForks,
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Mmap(w.K, mm, file))
		pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
		must(w.K, w.MmapAgain(w.K, mm, file))
		w.M.AllocMayFail = true
		w.M.Go("fork", func(k *sim.K) {
			if child, err := w.Fork(k, mm, "child"); err == nil {
				w.Exit(k, child)
			}
		})
		w.M.Go("register", func(k *sim.K) { _ = w.Register(k, p) })
	},
})
