package uprobes

import (
	"trapline/pagecache"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// ProgramPagesItsTextIn executes a program with a probe while its text comes from a
// device, and another thread takes the text away.
var ProgramPagesItsTextIn = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "program-pages-its-text-in",
		Asks: "Does a program that faults its text in, and loses it, stop where it would stop without a probe?",
		From: "the February 2006 post: breakpoints in pages that are not in memory yet; bddf10d26e6e (uprobes: Reject the shared zeropage in uprobe_write_opcode()) on what may be found there",
		Story: "The first fetch faults, the read ends in an interrupt, and the breakpoint is there when " +
			"the processor tries again. Then another thread unmaps the text, at any moment: before " +
			"the fault, during the read, when the processor has fetched the breakpoint, or while a " +
			"copy is stepped. The program may fault; but it has executed so many instructions as it " +
			"has, each once, and its registers and its stack are those of a program without a probe " +
			"after as many. As posted in 2006 the hook comes before the page has been read; and up to " +
			"3.5 a trap whose area has just been unmapped was left to the program, as SIGTRAP, where " +
			"a page fault is due. Since 3.6 it goes back and faults.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Disk)
		mm := w.Space("victim")
		g := w.Guest(mm, 3)
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Mmap(w.K, mm, file))
		must(w.K, w.Register(w.K, p))
		w.M.Go("program", func(k *sim.K) { g.RunIfMapped(k) })
		w.M.Go("munmap", func(k *sim.K) { must(k, w.Munmap(k, mm)) })
	},
})
