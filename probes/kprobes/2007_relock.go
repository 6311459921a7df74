package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// Relock is kprobes from Linux 2.6.18 to 2.6.25. A manager has a post_handler only if
// one of its probes has one, as it costs a second exception, and a break_handler only if
// one is a jprobe; so a remover who was not the last one looks, after the grace period,
// whether they are still wanted.
var Relock = add(Design{
	Design: probes.Design{
		Name:  "2007-relock",
		Title: "as in 2.6.24: a remover takes the mutex again to tidy the manager",
		From:  "Linux 2.6.24, kernel/kprobes.c, unregister_kprobe()",
		Order: mutexOrder,
		Fails: []probes.Failure{notSeen, comesBack, {
			Scenario: "last-two-probes-unregister",
			Title:    "KASAN: slab-use-after-free Write in unregister_kprobe",
			Why:      "while the first remover waits for the grace period, the second one removes the last probe and frees the manager",
		}},
	},
	Has: Breakpoints | Entries,
	New: func(k *sim.K, text *Text) Scheme {
		d := &relockKprobes{newMutexKprobes(k, text, as2618)}
		d.scheme = d
		return d
	},
})

type relockKprobes struct{ *mutexKprobes }

// UnregisterKprobe is unregister_kprobe().
func (d *relockKprobes) UnregisterKprobe(k *sim.K, p *Kprobe) {
	k.MutexLock(&d.kprobeMutex)
	l, ok := d.takeOut(k, p, func(*sim.K, *Kprobe) {})
	k.MutexUnlock(&d.kprobeMutex)
	if !ok {
		return
	}

	k.SynchronizeSched()

	if l.last {
		d.unregisterBottom(k, l)
		return
	}
	k.MutexLock(&d.kprobeMutex)
	l.old.dropHandlers(k, p)
	k.MutexUnlock(&d.kprobeMutex)
}

// UnregisterJprobe is part of [JumpProber].
func (d *relockKprobes) UnregisterJprobe(k *sim.K, jp *Jprobe) { d.UnregisterKprobe(k, &jp.Kprobe) }
