package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// NMIRefused is kretprobes up to Linux 5.9: a function that an NMI calls is not
// followed to its return, as the NMI might have come while the lock of the nodes was
// held. That a probe is being handled would have said so.
var NMIRefused = addModern(Design{
	Design: probes.Design{
		Name:  "2020-nmi-refused",
		Title: "as in 5.9: no returns in an NMI",
		From:  `Linux 5.9, kernel/kprobes.c, pre_handler_kretprobe(); commit e03b4a084ea6 "kprobes: Remove NMI context check"`,
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "function-called-by-an-nmi",
				Title:    "BUG: probe missed in call",
				Why:      "a kretprobe refuses in an NMI, and counts a miss, though no probe is being handled",
			},
		},
	},
	Has: Returns | Repeats,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		d.former.preHandlerKretprobe = nmiRefused{d}.preHandlerKretprobe
		return d
	},
})

// preHandlerKretprobe is pre_handler_kretprobe().
func (d nmiRefused) preHandlerKretprobe(k *sim.K, rp *Kretprobe) {
	if k.Context() == sim.NMI {
		rp.missed(k)
		return
	}
	d.today.preHandlerKretprobe(k, rp)
}

// nmiRefused has the functions that are different.
type nmiRefused struct{ *today }
