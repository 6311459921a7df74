package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// KillKeepsFtrace is kprobes up to Linux 5.8: when a module goes its probes are marked
// as gone, and nothing else. For a breakpoint that is right, as the text goes with it;
// but ftrace keeps the address in its filter.
var KillKeepsFtrace = addModern(Design{
	Design: probes.Design{
		Name:  "2020-kill-keeps-ftrace",
		Title: "as in 5.8: ftrace is not told that a probe has gone with its module",
		From:  `Linux 5.8, kernel/kprobes.c, kill_kprobe(); commit 0cb2f1372baa "kprobes: Fix NULL pointer dereference at kprobe_ftrace_handler"`,
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "module-with-a-traced-probe-goes",
				Title:    "BUG: function still traced in quiet",
				Why:      "the probe is marked as gone, and ftrace keeps its address",
			},
			{
				Scenario: "register-while-the-module-goes",
				Title:    "BUG: function still traced in quiet",
				Why:      "the probe is marked as gone, and ftrace keeps its address",
			},
		},
	},
	Has: Addresses,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		d.former.killFtrace = func(*sim.K, *Kprobe) {}
		return d
	},
})
