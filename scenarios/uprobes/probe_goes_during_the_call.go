package uprobes

import (
	"trapline/pagecache"
	"trapline/probes/uprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// ProbeGoesDuringTheCall takes a probe on returns away while a program enters the
// function, and returns.
var ProbeGoesDuringTheCall = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "probe-goes-during-the-call",
		Asks: "Is an uprobe there as long as a call has a lease on it?",
		From: "ours: Linux 6.18, kernel/events/uprobes.c, uprobe_free_deferred() beside prepare_uretprobe()",
		Story: "Who traps is a reader of RCU tasks trace until its handlers have run, and may find an " +
			"uprobe that is just going. It then takes a lease for the call, as a reader of SRCU. An " +
			"uprobe is freed behind a grace period of SRCU and then one of RCU tasks trace. So the " +
			"first one may be over before the lease is taken, and the second one waits for the trap " +
			"only: when the function returns, the uprobe is free. Whoever waits for the traps first, " +
			"and then for the leases that they have taken, as unregister itself does, misses none. " +
			"This is read from the source and found by search; no report of it is known to us.",
	},
	Needs: uprobes.Returns,
	Setup: func(w *World) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0).Returning(false)
		must(w.K, w.Mmap(w.K, mm, file))
		pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
		must(w.K, w.Register(w.K, p))
		w.M.Go("program", func(k *sim.K) { w.Call(k, mm, p, func(*sim.K) {}) })
		w.M.Go("unregister", func(k *sim.K) { w.Unregister(k, p) })
	},
})
