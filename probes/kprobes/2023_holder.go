package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// PlainHolder is kretprobes up to Linux 6.6 without rethook: the pointer to the probe,
// which unregister_kretprobe clears and the trampoline reads, is accessed like any
// other variable.
var PlainHolder = addModern(Design{
	Design: probes.Design{
		Name:  "2023-plain-holder",
		Title: "as in 6.6: the pointer from a node to its probe is not marked",
		From:  `Linux 6.6, include/linux/kprobes.h, get_kretprobe(); commit d839a656d0f3 "kprobes: consistent rcu api usage for kretprobe holder"`,
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "kretprobe-goes-during-the-call",
				Title:    "KCSAN: data-race in clear_holder / get_kretprobe",
				Why:      "the pointer from the node of a call to its probe is cleared and read as plain data",
			},
		},
	},
	Has: Returns | Repeats,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		d.former.handlerOf = getKretprobe
		d.former.stopReturns = clearHolder
		return d
	},
})

// getKretprobe is get_kretprobe().
func getKretprobe(k *sim.K, rh *rethook) *Kretprobe { return rh.plain.Get(k) }

// clearHolder is the line of unregister_kretprobes() that clears rph->rp.
func clearHolder(k *sim.K, rh *rethook) { rh.plain.Set(k, nil) }
