package uprobes

import (
	"trapline/pagecache"
	"trapline/probes/uprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// UnregisterBeforeTheCall takes an optimised probe away while a thread is executing it.
var UnregisterBeforeTheCall = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "unregister-before-the-call",
		Asks: "Does the second half of the instruction make sense to one who has executed the first?",
		From: "linux-trace-kernel, 2026, \"Move optimized uprobe from nop5 to nop10\": why the bytes of the call are left",
		Story: "An optimised probe of ten bytes is two instructions, and a thread may be interrupted between " +
			"them. If the probe goes meanwhile, and all ten bytes are put back, the thread goes on in " +
			"the middle of an instruction. So the bytes of the call stay for ever. They are the operand " +
			"of an instruction that does nothing, and to a thread that is on its way to the call a call " +
			"of a trampoline that finds no probe.",
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
		w.M.Go("program", func(k *sim.K) { w.Execute(k, mm, p) })
		w.M.Go("unregister", func(k *sim.K) { w.Unregister(k, p) })
	},
})
