package uprobes

import (
	"trapline/pagecache"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// TrapBetweenTwoRegistrations takes a probe away and puts another one at the
// same place while a program runs through it. The program may have trapped for
// the first, and be looked up when the second is there, or neither. The page is
// in memory, and another probe keeps the file hooked.
var TrapBetweenTwoRegistrations = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "trap-between-two-registrations",
		Asks: "What becomes of a program that has trapped when its probe goes and another one comes?",
		From: "reading the February 2006 post: unregister_uprobe does not wait for those who have trapped",
		Story: "A program executes the breakpoint, and before the trap has found the probe, the probe " +
			"goes. Then another one comes for the same place. The trap finds none, or the new one, " +
			"which may not have its instruction yet. Looking at the byte again tells whether the " +
			"breakpoint is one of ours or the program's own, but only if no new one can be put in " +
			"between: Linux 3.6 changes text with mmap_sem held for writing, and the trap looks at " +
			"both with it held for reading.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		q := w.Probe(file, "next", 0)
		must(w.Mmap(w.K, mm, file))
		pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
		must(w.Register(w.K, w.Probe(file, "other", int64(len(w.Image.Insn)))))
		must(w.Register(w.K, p))
		w.M.Go("program", func(k *sim.K) { w.Execute(k, mm, p) })
		w.M.Go("owner", func(k *sim.K) {
			w.Unregister(k, p)
			must(w.Register(k, q))
		})
	},
})
