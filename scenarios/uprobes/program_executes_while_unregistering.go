package uprobes

import (
	"trapline/pagecache"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// ProgramExecutesWhileUnregistering executes a program while the probe in it goes.
var ProgramExecutesWhileUnregistering = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "program-executes-while-unregistering",
		Asks: "Does a processor that executes the text never notice that the breakpoint is taken away?",
		From: "the proposals of July 2011, and Linux 3.5 to 3.13: what a task that has trapped still finds",
		Story: "The processor may have fetched the breakpoint just before it goes, and the task then " +
			"looks for a probe that there is no longer. It has to find out that it only came late, " +
			"and execute the instruction again: killing it with SIGTRAP is what a program with a " +
			"breakpoint of its own gets. The registers, the flags and the stack are then what they " +
			"are without a probe. The designs up to 3.5 had no such look: since 3.6 a trap that finds " +
			"no uprobe asks whether the breakpoint is still there, under mmap_sem.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		g := w.Guest(mm, 2)
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Mmap(w.K, mm, file))
		g.Fetch(w.K)
		must(w.K, w.Register(w.K, p))
		w.M.Go("unregister", func(k *sim.K) { w.Unregister(k, p) })
		w.M.Go("program", func(k *sim.K) { g.Run(k, p) })
	},
})
