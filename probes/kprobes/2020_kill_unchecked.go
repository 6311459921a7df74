package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// KillUnchecked is kprobes in the release candidates of Linux 5.9: a probe of a module
// that goes is taken out of the filter of ftrace, whether it is there or not.
var KillUnchecked = addModern(Design{
	Design: probes.Design{
		Name:  "2020-kill-unchecked",
		Title: "as in 5.9-rc: a probe that is switched off is disarmed when its module goes",
		From:  `Linux 5.9-rc1, kernel/kprobes.c, kill_kprobe(); commit bcb53209be5c "kprobes: Fix to check probe enabled before disarm_kprobe_ftrace()"`,
		Order: todaysOrder,
		Fails: []probes.Failure{{
			Scenario: "module-with-a-disabled-probe-goes",
			Title:    "WARNING in disarm_kprobe_ftrace",
			Why:      "the probe is registered and disabled, and so ftrace knows nothing of it",
		}},
	},
	Has: Addresses,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		d.former.killFtrace = killUnchecked{d}.killFtrace
		return d
	},
})

// killUnchecked has the function that is different.
type killUnchecked struct{ *today }

// killFtrace is the first part of kill_kprobe(). The caller holds kprobe_mutex.
func (d killUnchecked) killFtrace(k *sim.K, p *Kprobe) {
	if d.text.insns[p.Addr].traced {
		_ = d.disarmKprobeFtrace(k, p)
	}
}
