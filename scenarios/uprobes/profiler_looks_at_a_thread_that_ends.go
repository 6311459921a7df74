package uprobes

import (
	"trapline/pagecache"
	"trapline/probes/uprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// ProfilerLooksAtAThreadThatEnds has the interrupt of a profiler come while a thread
// ends.
var ProfilerLooksAtAThreadThatEnds = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "profiler-looks-at-a-thread-that-ends",
		Asks: "Can an interrupt find what a thread is just giving back?",
		From: "Linux 6.12, before commit b583ef82b671: uprobe_free_utask()",
		Story: "A profiler that wants the callers of a function has to know whether the thread is just " +
			"entering it because of a probe, and looks into what probes keep for the thread. Its " +
			"interrupt may come at any moment, also while the thread ends. So the pointer has to be " +
			"cleared before what it points to is freed; in 6.12 it was the other way round.",
	},
	Needs: uprobes.Returns,
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Mmap(w.K, mm, file))
		pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
		p.Returning(false)
		must(w.K, w.Register(w.K, p))
		w.M.GoOn(0, "program", func(k *sim.K) {
			w.Call(k, mm, p, func(*sim.K) {})
			t := w.thread(k, mm)
			k.InterruptOn(sim.ThisCPU, "perf", func(k *sim.K) {
				w.Scheme.(uprobes.ReturnProber).IsUprobeAtFuncEntry(k, t)
			})
			w.exitThreads(k, mm)
		})
	},
})
