package uprobes

import (
	"trapline/pagecache"
	"trapline/probes/uprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
	"trapline/vm"
)

// ChildOfAnOptimizedProgram forks a program in which a probe has become a call, and runs the child.
var ChildOfAnOptimizedProgram = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "child-of-an-optimized-program",
		Asks: "Does a child have what it calls?",
		From: "linux-trace-kernel, 2026, \"uprobes/x86: Allow to copy uprobe trampolines on fork\"; VM_DONTCOPY in Linux 6.18, arch/x86/kernel/uprobes.c",
		Story: "Where a breakpoint has become a call, the program calls a trampoline in a page that is " +
			"mapped for that. A child inherits the text with the call. In 6.18 it does not inherit " +
			"the page, which was marked as one not to be copied, and calls where nothing is mapped. " +
			"Since 2026 the page is copied with the rest.",
	},
	Needs: uprobes.Calls,
	Setup: func(w *World) {
		w.ProbingNop()
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Mmap(w.K, mm, file))
		pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
		must(w.K, w.Register(w.K, p))
		w.ExecuteIfMapped(w.K, mm) // which optimises
		w.M.Go("program", func(k *sim.K) {
			w.Execute(k, mm, p)
			w.ForkThread(k, mm, "child", func(child *vm.MM) { w.Execute(k, child, p) })
		})
	},
})
