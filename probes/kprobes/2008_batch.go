package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// Batch is kprobes from Linux 2.6.26 on, as far as one probe at a time goes: all that
// is to be changed is changed in the one critical section before the grace period,
// and after it things are only freed.
var Batch = add(Design{
	Design: probes.Design{
		Name:  "2008-batch",
		Title: "as in 2.6.26: unregistration in a top and a bottom half",
		From:  `Linux 2.6.26, commit 9861668f7478 "kprobes: add (un)register_kprobes"`,
		Order: mutexOrder,
		Fails: []probes.Failure{notSeen, comesBack, entryStranded},
	},
	Has: Breakpoints | Entries | Batches,
	New: func(k *sim.K, text *Text) Scheme {
		d := &batchKprobes{newMutexKprobes(k, text, as2618)}
		d.scheme = d
		return d
	},
})

// entryStranded is what all have in common that tidy the manager before the grace period,
// as long as there are jprobes.
var entryStranded = probes.Failure{
	Scenario: "entry-goes-while-it-runs",
	Title:    "int3: 0000 [#1] in do_int3",
	Why:      "the break_handler of the manager goes before the grace period, and an entry that runs still needs it",
}

type batchKprobes struct{ *mutexKprobes }

// UnregisterKprobe is unregister_kprobes() for one probe.
func (d *batchKprobes) UnregisterKprobe(k *sim.K, p *Kprobe) { d.UnregisterKprobes(k, p) }

// unregisterTop is __unregister_kprobe_top(). The caller holds kprobe_mutex.
func (d *batchKprobes) unregisterTop(k *sim.K, p *Kprobe) (leaving, bool) {
	return d.takeOut(k, p, func(k *sim.K, old *Kprobe) { old.dropHandlers(k, p) })
}
