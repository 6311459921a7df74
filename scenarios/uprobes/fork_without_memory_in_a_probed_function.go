package uprobes

import (
	"trapline/pagecache"
	"trapline/probes/uprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
	"trapline/vm"
)

// ForkWithoutMemoryInAProbedFunction forks in a function whose return is probed, and any
// allocation may fail.
var ForkWithoutMemoryInAProbedFunction = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "fork-without-memory-in-a-probed-function",
		Asks: "Is each copy looked at before it is used?",
		From: "Linux 6.14-rc, before commit 02c56362a7d3: dup_return_instance()",
		Story: "For each call that the parent is in, fork makes a copy of what is known of it. When " +
			"there was no memory for that, the first version of a function that copies more than " +
			"before went on all the same, with no copy to write to. Now fork stops copying there, and " +
			"warns: such a child is lost if it returns, but the kernel is not.",
	},
	Needs: uprobes.Returns,
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Mmap(w.K, mm, file))
		pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
		p.Returning(true)
		must(w.K, w.Register(w.K, p))
		w.M.AllocMayFail = true
		w.M.Go("program", func(k *sim.K) {
			w.thread(k, mm).Push(caller)
			w.ExecuteIfMapped(k, mm)
			w.ForkThread(k, mm, "child", func(*vm.MM) {})
			w.Return(k)
		})
	},
})
