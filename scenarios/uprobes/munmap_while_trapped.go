package uprobes

import (
	"trapline/pagecache"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// MunmapWhileTrapped has one thread run into a breakpoint while another one unmaps
// the text.
var MunmapWhileTrapped = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "munmap-while-trapped",
		Asks: "Is the area looked up with mmap_sem held?",
		From: "linux-kernel, 20 March 2006, Andrew Morton on get_uprobe(): \"All this appears to be happening without mmap_sem held?\", 20060320024248.426b97ec.akpm@osdl.org",
		Story: "The trap has to find out which place in which file the address stands for, and so " +
			"looks at the areas of the process. Another thread may take them away, unless " +
			"mmap_sem is held; and to take that one may have to sleep, which a trap must not. So " +
			"the work belongs to the way back to the program, where uprobes do it since 2011. A " +
			"program that has lost its text while trapped goes back to it and faults, which is " +
			"what it asked for.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Mmap(w.K, mm, file))
		pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
		must(w.K, w.Register(w.K, p))
		w.M.Go("program", func(k *sim.K) { w.ExecuteIfMapped(k, mm) })
		w.M.Go("munmap", func(k *sim.K) { must(k, w.Munmap(k, mm)) })
	},
})
