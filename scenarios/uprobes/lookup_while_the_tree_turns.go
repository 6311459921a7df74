package uprobes

import (
	"trapline/pagecache"
	"trapline/probes/uprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// LookupWhileTheTreeTurns has a program execute a breakpoint while another probe comes and
// goes, which changes the tree that the trap looks its own probe up in.
var LookupWhileTheTreeTurns = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "lookup-while-the-tree-turns",
		Asks: "Does a trap find its uprobe while others enter the tree and leave it?",
		From: "Linux 6.13, commit cd7bdd9d46a9: uprobes_seqcount",
		Story: "Uprobes are in a red-black tree. When one comes or goes, the tree is turned to stay " +
			"balanced, and who walks down at that moment without its lock can come to a place from " +
			"where the one that is looked for cannot be reached any more. Nothing that is not there " +
			"is ever found; but to find nothing says something only if the tree was at rest. So the " +
			"walk reads a seqcount before, and looks again if that has changed.",
	},
	Needs: uprobes.Lookups,
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		other := w.Probe(file, "another", int64(len(w.Image.Insn)))
		pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
		must(w.K, w.Mmap(w.K, mm, file))
		must(w.K, w.Register(w.K, p))
		w.M.Go("program", func(k *sim.K) { w.Execute(k, mm, p) })
		w.M.Go("user", func(k *sim.K) {
			must(k, w.Register(k, other))
			w.Unregister(k, other)
		})
	},
})
