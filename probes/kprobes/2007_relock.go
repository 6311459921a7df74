package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// Relock is kprobes from Linux 2.6.18 to 2.6.25. A manager has a post_handler only if
// one of its probes has one, as it costs a second exception; so a remover who was not
// the last one looks, after the grace period, whether it is still wanted.
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
	New: func(k *sim.K, text *Text) Scheme { return newMutexKprobes(k, text, true) },
})

// dropPostHandler takes the post_handler off a manager if p was the only probe that
// had one. The caller holds kprobe_mutex.
func (d *mutexKprobes) dropPostHandler(k *sim.K, old, p *Kprobe) {
	if p.PostHandler != nil && old.lastPostHandler(k, p) {
		old.post.Write(k, false)
	}
}
