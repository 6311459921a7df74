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
		Story: "A program has trapped, and the kernel looks for the probe. If there is none it looks " +
			"at the text: if the breakpoint is gone as well, the instruction is executed again. " +
			"Two looks, and between them another probe can be registered at the place: there was " +
			"no probe and there is a breakpoint, so the program is killed. Or the lookup finds " +
			"the new uprobe before its instruction was copied, and steps nothing. Today the two " +
			"looks are under one lock that those who write text take, too, and whether the copy " +
			"is there is asked.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		q := w.Probe(file, "next", 0)
		must(w.K, w.Mmap(w.K, mm, file))
		pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
		must(w.K, w.Register(w.K, w.Probe(file, "other", int64(len(w.Image.Insn)))))
		must(w.K, w.Register(w.K, p))
		w.M.Go("program", func(k *sim.K) { w.Execute(k, mm, p) })
		w.M.Go("owner", func(k *sim.K) {
			w.Unregister(k, p)
			must(k, w.Register(k, q))
		})
	},
})
