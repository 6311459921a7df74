package uprobes

import (
	"trapline/pagecache"
	"trapline/probes/uprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
	"trapline/vm"
)

// ProcessThatNobodyWants maps the text in two processes, while a user who wants one of them comes, and
// another who wants both goes.
var ProcessThatNobodyWants = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "process-that-nobody-wants",
		Asks: "Is a process left alone that nobody wants?",
		From: "Linux 6.18, kernel/events/uprobes.c, filter_chain(); its walk under consumer_rwsem: commit a56a38fd9196",
		Story: "A user can say which processes it wants to know of. Text that is mapped gets the " +
			"breakpoint only if one of the users wants the process, and loses it when the last who " +
			"does has gone. The users are asked under a semaphore, which is enough although they are " +
			"in a list of RCU: that the walk is no reader of RCU is no fault. The question is a " +
			"control.",
	},
	Needs: uprobes.Filters,
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		wanted, other := w.Space("wanted"), w.Space("other")
		p := w.Probe(file, w.Image.Symbol, 0)
		p.Filter = func(_ *sim.K, mm *vm.MM) bool { return mm == wanted }
		q := w.Probe(file, "both", 0)
		must(w.K, w.Mmap(w.K, wanted, file))
		pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
		must(w.K, w.Register(w.K, q))
		w.M.Go("register", func(k *sim.K) {
			must(k, w.Register(k, p))
			w.Execute(k, wanted, p)
		})
		w.M.Go("unregister", func(k *sim.K) { w.Unregister(k, q) })
		w.M.Go("mmap", func(k *sim.K) { must(k, w.Mmap(k, other, file)) })
		w.AtRest(func(k *sim.K) {
			if b, mapped := vm.Peek(other, w.Image.Addr); mapped && b == breakpoint {
				k.Fail(&sim.Violation{Kind: WrongText, Subject: "a breakpoint in a process that nobody wants"})
			}
		})
	},
})
