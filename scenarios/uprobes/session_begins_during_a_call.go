package uprobes

import (
	"trapline/pagecache"
	"trapline/probes/uprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// SessionBeginsDuringACall registers a user of sessions while a program is in the function.
var SessionBeginsDuringACall = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "session-begins-during-a-call",
		Asks: "Is a return told only to those who know of the call?",
		From: "Linux 6.13, commit 4d756095d399",
		Story: "A user of sessions wants to be called when a function is entered and again when it " +
			"returns, or not at all. Who comes while a program is in the function must not hear of " +
			"the return. So each call has a list of those who were called at its beginning. Without " +
			"it a user would be given the end of what he never saw begin, and with it the data of " +
			"another. The question is a control.",
	},
	Needs: uprobes.Returns,
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Mmap(w.K, mm, file))
		pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
		p.Returning(true)
		q := w.Probe(file, "late", 0).Returning(true)
		must(w.K, w.Register(w.K, p))
		w.M.Go("register", func(k *sim.K) { must(k, w.Register(k, q)) })
		w.M.Go("program", func(k *sim.K) {
			w.Call(k, mm, p, func(*sim.K) {})
			if hits, rets := *q.hitsOf(k), *countOf(k, &q.rets); hits != rets {
				k.Fail(&sim.Violation{Kind: WrongReturn, Subject: "late: was told of a return, and not of the call, or of the call only"})
			}
		})
	},
})
