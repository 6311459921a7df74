package uprobes

import (
	"trapline/pagecache"
	"trapline/probes/uprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// OptimizedProbeInALeafFunction executes a probe that has become a call, in a function that calls
// no other.
var OptimizedProbeInALeafFunction = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "optimized-probe-in-a-leaf-function",
		Asks: "Does a call in place of a breakpoint leave the memory of the program alone?",
		From: "linux-trace-kernel, May 2026, \"Move optimized uprobe from nop5 to nop10\"",
		Story: "On x86-64 a function that calls no other may use 128 bytes below its stack, without saying " +
			"so. A breakpoint does not touch them: the kernel has a stack of its own. A call puts the " +
			"address behind it there. That was noticed a year after breakpoints had begun to become " +
			"calls; since then the instruction has room for another one before the call, which goes " +
			"128 bytes further down.",
	},
	Needs: uprobes.Calls,
	Setup: func(w *World) {
		w.ProbingNop()
		w.leaf = true
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Mmap(w.K, mm, file))
		pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
		must(w.K, w.Register(w.K, p))
		w.M.Go("program", func(k *sim.K) {
			w.Execute(k, mm, p) // which optimises
			w.Execute(k, mm, p)
		})
	},
})
