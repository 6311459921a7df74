package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// EntryWhileFunctionsAreTraced hits a jprobe, which comes and goes, in a function that the
// function graph tracer follows.
var EntryWhileFunctionsAreTraced = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "entry-while-functions-are-traced",
		Asks: "Does a traced function return to its caller if a jprobe was in it?",
		From: "commit 237d28db036e",
		Story: "The function graph tracer replaces the return address of each function, and keeps the " +
			"old one on a stack of its own. The entry of a jprobe is a function, but it does not " +
			"return: jprobe_return jumps out of it. Up to 3.19 what the tracer had kept for it stayed " +
			"on its stack, and the probed function, at its end, took it for its own. Since 4.0 nothing " +
			"is followed between the two jumps.",
	},
	Needs: kprobes.Entries | kprobes.Graphs,
	RCU:   sim.ClassicRCU,
	Setup: func(w *World) {
		w.Text.TraceGraph()
		entry := w.EntryProbe("entry", doFork)
		w.M.Go("fork", func(k *sim.K) { w.Trace(k, doFork) })
		w.M.Go("jprobe", func(k *sim.K) {
			must(k, w.Register(k, entry))
			w.Unregister(k, entry)
		})
	},
})
