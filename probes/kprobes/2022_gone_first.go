package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// GoneFirst is kprobes from Linux 5.9 to 6.1: a probe of a module that goes is marked
// as gone, and then it is asked whether it is enabled. One that is gone is not.
var GoneFirst = addModern(Design{
	Design: probes.Design{
		Name:  "2022-gone-first",
		Title: "as in 6.1: a probe is asked whether it is enabled when it has been marked as gone",
		From:  `Linux 6.1, kernel/kprobes.c, kill_kprobe(); commit 0c76ef3f26d5 "kprobes: Fix check for probe enabled in kill_kprobe()"`,
		Order: todaysOrder,
		Fails: []probes.Failure{{
			Scenario: "register-while-the-module-goes",
			Title:    "BUG: function still traced in quiet",
			Why:      "as in module-with-a-traced-probe-goes, for a probe that was registered when the module was about to go",
		}, {
			Scenario: "module-with-a-traced-probe-goes",
			Title:    "BUG: function still traced in quiet",
			Why:      "the flag that says that the probe is gone makes it look disabled, so that ftrace is never told",
		}},
	},
	Has: Addresses,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		d.former.killFtrace = goneFirst{d}.killFtrace
		return d
	},
})

// goneFirst has the function that is different.
type goneFirst struct{ *today }

// killFtrace is the first part of kill_kprobe(). The caller holds kprobe_mutex.
func (d goneFirst) killFtrace(k *sim.K, p *Kprobe) {
	p.set(k, gone)
	d.today.killFtrace(k, p)
}
