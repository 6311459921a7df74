package uprobes

import (
	"trapline/pagecache"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// HandlerReadsUserMemory has a handler that looks at the memory of the program, as
// many do, while another thread of the program maps the file once more and another
// user registers at the same place.
var HandlerReadsUserMemory = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "handler-reads-user-memory",
		Asks: "May a handler wait for mmap_sem?",
		From: "Linux 3.9, commit e591c8d78e49 (uprobes: Introduce uprobe->register_rwsem)",
		Story: "Handlers ran with consumer_rwsem held, and a handler that reads user memory may take " +
			"mmap_sem. mmap has mmap_sem, and asked the consumers under consumer_rwsem. Two " +
			"readers would not mind each other; but somebody who registers wants it for writing, " +
			"new readers wait behind him, and all three wait in a circle. Since 3.9 handlers run " +
			"under another semaphore.",
	},
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		p.Handler = func(k *sim.K) {
			p.handler(k)
			k.DownRead(&mm.MmapSem) // copy_from_user(), when it faults
			k.UpRead(&mm.MmapSem)
		}
		q := w.Probe(file, "second", 0)
		must(w.K, w.Mmap(w.K, mm, file))
		pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
		must(w.K, w.Register(w.K, p))
		w.M.Go("program", func(k *sim.K) { w.Execute(k, mm, p) })
		w.M.Go("mmap", func(k *sim.K) { must(k, w.MmapAgain(k, mm, file)) })
		w.M.Go("register", func(k *sim.K) {
			if err := w.Register(k, q); err != sim.EEXIST {
				must(k, err)
			}
		})
	},
})
