package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// FreeingList is kprobes from Linux 5.6 to 6.2: if no probe waits to be unoptimised,
// the optimizer does not look at those that somebody has unoptimised by force. It frees
// them all the same.
var FreeingList = addModern(Design{
	Design: probes.Design{
		Name:  "2023-freeing-list",
		Title: "as in 6.2: a probe that was unoptimised by force is freed in the table",
		From:  `Linux 6.2, kernel/kprobes.c, do_unoptimize_kprobes(); commit 4fbd2f83fda0 "kprobes: Fix to handle forcibly unoptimized kprobes on freeing_list"`,
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "second-probe-under-a-jump",
				Title:    "BUG: kernel text corrupted in quiet",
				Why:      "the new probe has the one whose jump covers it unoptimised by force, which leaves a breakpoint that the optimizer is to remove",
			},
		},
	},
	Has: Jumps,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		d.former.doUnoptimizeKprobes = freeingList{d}.doUnoptimizeKprobes
		return d
	},
})

// freeingList has the function that is different.
type freeingList struct{ *today }

// doUnoptimizeKprobes is do_unoptimize_kprobes().
func (d freeingList) doUnoptimizeKprobes(k *sim.K) {
	d.optimizer.lists.Read(k)
	if len(d.optimizer.queue[unoptimizing]) > 0 {
		d.today.doUnoptimizeKprobes(k)
	}
}
