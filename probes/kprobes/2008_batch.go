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
		Fails: []probes.Failure{notSeen, comesBack},
	},
	Has: Breakpoints | Entries | Batches,
	New: func(k *sim.K, text *Text) Scheme {
		return &batchKprobes{newMutexKprobes(k, text, false)}
	},
})

type batchKprobes struct{ *mutexKprobes }

// UnregisterKprobe is unregister_kprobes() for one probe.
func (d *batchKprobes) UnregisterKprobe(k *sim.K, p *Kprobe) { d.UnregisterKprobes(k, p) }

// unregisterTop is __unregister_kprobe_top(). The caller holds kprobe_mutex.
func (d *batchKprobes) unregisterTop(k *sim.K, p *Kprobe) (leaving, bool) {
	old := d.table.valid(k, p)
	if old == nil {
		return leaving{}, false
	}
	last := old == p || old.singular(k)
	if last {
		d.text.disarmText(k, p.Addr)
		d.table.list.Del(k, &old.hlist)
	} else {
		d.dropPostHandler(k, old, p)
		old.delMember(k, p)
	}
	return leaving{p, old, last}, true
}

// unregisterBottom is __unregister_kprobe_bottom().
func (d *batchKprobes) unregisterBottom(k *sim.K, l leaving) {
	if !l.last {
		return
	}
	if l.old != l.p {
		l.old.members.Del(k, &l.p.list)
		k.Kfree(&l.old.Life)
	}
	d.text.slots.freeInsnSlot(k, l.p.slot.Get(k)) // arch_remove_kprobe()
}
