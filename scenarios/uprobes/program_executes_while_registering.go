package uprobes

import (
	"trapline/pagecache"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// ProgramExecutesWhileRegistering executes a program, whose text its processor knows,
// while a probe is registered.
var ProgramExecutesWhileRegistering = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "program-executes-while-registering",
		Asks: "Does a processor that executes the text never notice that a breakpoint is put there?",
		From: "ours, after __replace_page() of Linux 3.5: who puts another page in a place flushes the old one from all processors",
		Story: "A processor fetches the bytes of each instruction through its TLB, and has translated " +
			"the page before the probe is there. Whatever it finds, the program computes what it " +
			"computes without: the same registers, flags and stack after each instruction, and the " +
			"same way through the text. A page that is replaced and not flushed, and a copy that is " +
			"stepped before it is complete, show here. The designs of 2006 fail it for what they do " +
			"when the probe goes; all later ones write a new page and have it take the place of the " +
			"old one, with a flush between.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		g := w.Guest(mm, 5)
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Mmap(w.K, mm, file))
		g.Fetch(w.K)
		w.M.Go("register", func(k *sim.K) { must(k, w.Register(k, p)) })
		w.M.Go("program", func(k *sim.K) { g.Run(k, p) })
	},
})
