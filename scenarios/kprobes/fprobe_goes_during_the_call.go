package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// FprobeGoesDuringTheCall unregisters an fprobe with an exit handler while its
// function is called.
var FprobeGoesDuringTheCall = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "fprobe-goes-during-the-call",
		Asks: "Is the way in closed before what it leads to is freed?",
		From: "commit 5f81018753df",
		Story: "An fprobe has ftrace call it at the entry of a function, and takes a node there for " +
			"the return. When it was unregistered in 6.4 the nodes went first, after a grace " +
			"period, and then ftrace was told to call no more: who entered the function in between " +
			"took a node from memory that was free. The order was turned round.",
	},
	Needs: kprobes.Exits,
	Setup: func(w *World) {
		p := w.ExitProbe("probe", schedule)
		must(w.K, w.Register(w.K, p))
		w.Go("remove", func(k *sim.K) { w.Unregister(k, p) })
		w.Go("call", func(k *sim.K) { w.Call(k, schedule, func(*sim.K) {}) })
	},
})
