package uprobes

import (
	"trapline/pagecache"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// ThreadMapsWhileAnotherUnmaps has one thread unmap the text of a program, another
// one map it again and run it, and somebody register and unregister another probe of
// the file.
var ThreadMapsWhileAnotherUnmaps = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "thread-maps-while-another-unmaps",
		Asks: "May munmap let go of mmap_sem half way?",
		From: "the proposal of July 2011, its last note: \"dropping mmap_sem; acquiring i_mutex and mmap_sem in order and verifying the vma\"; this question is ours",
		Story: "munmap has taken the area out of the address space when it calls munmap_uprobe, and " +
			"has not yet cleared the page table. If it lets go of mmap_sem there, another thread " +
			"may map the place anew, with the breakpoint; and munmap goes on to clear what is not " +
			"its own any more. The program then reads the page of the file, without a breakpoint. " +
			"Peter Zijlstra was against dropping mmap_sem for such reasons; what was merged in " +
			"2012 has nothing to do in munmap.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		q := w.Probe(file, "other", int64(len(w.Image.Insn)))
		must(w.K, w.Mmap(w.K, mm, file))
		must(w.K, w.Register(w.K, p))
		w.M.Go("munmap", func(k *sim.K) { must(k, w.Munmap(k, mm)) })
		w.M.Go("mmap", func(k *sim.K) {
			if w.Mmap(k, mm, file) != nil {
				return // it is still mapped
			}
			w.Execute(k, mm, p)
		})
		w.M.Go("register", func(k *sim.K) { must(k, w.Register(k, q)) })
	},
})
