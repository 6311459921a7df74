package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// CancelQueued is kprobes in Linux 5.5: a probe that is on a list of the optimizer's and
// has its flag is taken for one that waits for its jump. One that waits to lose it has
// the flag as well, since that is cleared only when the text is restored.
var CancelQueued = addModern(Design{
	Design: probes.Design{
		Name:  "2020-cancel-queued",
		Title: "as in 5.5: a probe that waits to be unoptimised is taken off the list with its jump",
		From:  `Linux 5.5, kernel/kprobes.c, unoptimize_kprobe(); commit e4add247789e "kprobes: Fix optimize_kprobe()/unoptimize_kprobe() cancellation logic"`,
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "second-probe-under-a-jump",
				Title:    "BUG: kernel text corrupted in quiet",
				Why:      "the new probe is to have the jump over it taken back, and only takes the other probe off the list: the jump stays, and so does the probe in the table",
			},
		},
	},
	Has: Jumps,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		d.former.stayOptimized = func(*sim.K, *Kprobe) {} // it loses its jump all the same
		d.former.unoptimizeQueued = cancelQueued{d}.unoptimizeQueued
		return d
	},
})

// cancelQueued has the function that is different.
type cancelQueued struct{ *today }

// unoptimizeQueued is that case of unoptimize_kprobe(). The caller holds kprobe_mutex.
func (d cancelQueued) unoptimizeQueued(k *sim.K, p *Kprobe) { d.optimizer.move(k, p, none) }
