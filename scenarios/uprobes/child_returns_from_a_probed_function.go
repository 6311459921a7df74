package uprobes

import (
	"trapline/pagecache"
	"trapline/probes/uprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
	"trapline/vm"
)

// ChildReturnsFromAProbedFunction forks in a function whose return is probed. Parent and
// child both return from it.
var ChildReturnsFromAProbedFunction = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "child-returns-from-a-probed-function",
		Asks: "Does a child find its way out of a function whose return is probed?",
		From: "Linux 3.13, commits aa59c53fd459 and 248d3a7b2f10; uprobe_copy_process() of Linux 6.18",
		Story: "Where the function returns to has been replaced on the stack by the address of a " +
			"trampoline, in a page that belongs to probes. A child gets a copy of the stack, but up " +
			"to 3.12 neither the page nor the list of what was replaced, and so it returned to where " +
			"nothing is mapped. Since then the list is copied, each call with a hold on its uprobe of " +
			"its own, and the child makes the page at the address that its parent has it.",
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
		w.M.Go("program", func(k *sim.K) {
			w.Call(k, mm, p, func(k *sim.K) {
				w.ForkThread(k, mm, "child", func(*vm.MM) { w.ReturnChild(k, p) })
			})
		})
	},
})
