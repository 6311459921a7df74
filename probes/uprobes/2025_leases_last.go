package uprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// LeasesLast is [Today] with an uprobe freed in the order in which unregister waits: first
// for those who have trapped, who may be about to take a lease, and then for the leases.
// That is our own; see the scenario probe-goes-during-the-call.
var LeasesLast = add(Design{
	Design: probes.Design{
		Name:  "2025-leases-last",
		Title: "an uprobe is freed after the traps, and then the leases that they took",
		From:  "ours, from Linux 6.18, kernel/events/uprobes.c, uprobe_unregister_sync() and uprobe_free_deferred()",
		Order: todaysOrder,
	},
	Has:   Returns,
	drawn: movedMeanwhile,
	New: func(k *sim.K) Scheme {
		d := newToday(k)
		d.steps.free = d.callTraceFree
		return d
	},
})

// callTraceFree is [today.callSRCUFree] in the other order.
func (d *today) callTraceFree(k *sim.K, u *tracedUprobe) {
	d.dropDelayed(k, u)
	if k == k.Machine().Setup() {
		k.Kfree(&u.Life)
		return
	}
	k.CallRCUTasksTrace(&u.rcu, func(k *sim.K) {
		k.SynchronizeSRCU(&d.returns.srcu)
		k.SynchronizeRCU()
		k.Kfree(&u.Life)
	})
}
