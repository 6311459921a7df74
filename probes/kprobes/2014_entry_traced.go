package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// EntryTraced is jprobes up to Linux 3.19: the function graph tracer follows the entry
// of a jprobe like any function, and waits for its return.
var EntryTraced = add(Design{
	Design: probes.Design{
		Name:  "2014-entry-traced",
		Title: "as in 3.18: a function that never returns is followed to its return",
		From:  `Linux 3.18, arch/x86/kernel/kprobes/core.c, setjmp_pre_handler(); commit 237d28db036e "ftrace/jprobes/x86: Fix conflict between jprobes and function graph tracing"`,
		Order: mutexOrder,
		Fails: []probes.Failure{entryStranded, {
			Scenario: "entry-while-functions-are-traced",
			Title:    "BUG: function graph tracer: bad frame in trace",
			Why:      "jprobe_return jumps out of the entry, whose return address stays on the tracer's stack: the probed function returns to it",
		}},
	},
	Has: Entries | Graphs,
	New: func(k *sim.K, text *Text) Scheme {
		return &batchKprobes{newMutexKprobes(k, text, as2618)}
	},
})
