package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// RecordWithoutRCU is ftrace up to Linux 6.9: register_kprobe looks for a record of
// ftrace with nothing that keeps the pages of records from being freed with their
// module.
var RecordWithoutRCU = addModern(Design{
	Design: probes.Design{
		Name:  "2024-ftrace-record",
		Title: "as in 6.9: the records of ftrace are searched without RCU",
		From:  `Linux 6.9, kernel/trace/ftrace.c, ftrace_location(); commit e60b613df8b6 "ftrace: Fix possible use-after-free issue in ftrace_location()"`,
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "register-while-the-module-goes",
				Title:    "KASAN: slab-use-after-free Read in lookup_rec",
				Why:      "the records of a module are freed under the search",
			},
		},
	},
	Has: Addresses,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		d.former.ftraceLocation = func(k *sim.K, a Addr) { d.lookupRec(k, a, true) }
		return d
	},
})
