package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// RethookFirst is fprobe in Linux 6.4: unregister_fprobe frees the rethook, and then
// has ftrace call no more.
var RethookFirst = addModern(Design{
	Design: probes.Design{
		Name:  "2023-rethook-first",
		Title: "as in 6.4: the rethook goes before ftrace has stopped calling",
		From:  `Linux 6.4, kernel/trace/fprobe.c, unregister_fprobe(); commit 5f81018753df "fprobe: Release rethook after the ftrace_ops is unregistered"`,
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "fprobe-goes-during-the-call",
				Title:    "KASAN: slab-use-after-free Read in rethook_try_get",
				Why:      "ftrace calls the probe still when its rethook is free",
			},
		},
	},
	Has: Exits,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		d.former.unregisterFprobe = rethookFirst{d}.unregisterFprobe
		return d
	},
})

// unregisterFprobe is unregister_fprobe().
func (d rethookFirst) unregisterFprobe(k *sim.K, fp *Fprobe) {
	stopReturns(k, fp.hook(k)) // rethook_free(), with the grace period of its call_rcu()
	k.SynchronizeRCU()
	fp.hook(k).put(k)
	d.unregisterFtraceFunction(k, fp)
}

// rethookFirst has the functions that are different.
type rethookFirst struct{ *today }
