package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// DisarmBlindly is kprobes up to Linux 5.19: while probes are switched on as a whole,
// a probe that is to be disabled is taken to be armed.
var DisarmBlindly = addModern(Design{
	Design: probes.Design{
		Name:  "2022-disarm-blindly",
		Title: "as in 5.19: what is to be disabled is disarmed, armed or not",
		From:  `Linux 5.19, kernel/kprobes.c, __disable_kprobe(); commit 9c80e79906b4 "kprobes: don't call disarm_kprobe() for disabled kprobes"`,
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "switched-off-as-a-whole",
				Title:    "WARNING in disarm_kprobe_ftrace",
				Why:      "that all probes are switched on does not mean that the manager is armed",
			},
		},
	},
	Has: Switching | Tracing,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		d.former.disarmable = func(*Kprobe) bool { return !d.allDisarmed }
		return d
	},
})
