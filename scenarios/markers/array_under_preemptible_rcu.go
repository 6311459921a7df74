package markers

import (
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// ArrayUnderPreemptibleRCU disconnects one of two probes while the marker is
// reached, in a kernel whose readers of RCU can be preempted.
var ArrayUnderPreemptibleRCU = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "array-under-preemptible-rcu",
		Asks: "Does the callback wait for the readers that there are?",
		From: "marker_probe_cb in the patch: the reader is preempt_disable(), the update " +
			"call_rcu(); 2.6.25 has \"#ifdef CONFIG_PREEMPT_RCU synchronize_sched()\" before it, " +
			"\"Until we have the call_rcu_sched()\"",
		Story: "A reader is a region of code with preemption off. As long as rcu_read_lock was the same, " +
			"call_rcu waited for it. With preemptible RCU it does not, as it waits for rcu_read_lock " +
			"only: the array is freed while a reader walks it. 2.6.25 waited with synchronize_sched " +
			"in that configuration, 2.6.28 has call_rcu_sched. Since 4.20 one RCU waits for both " +
			"again. When tracepoints of system calls came to be called by readers who may sleep, " +
			"there was the same again: those are readers of RCU tasks trace, and in linux-next of " +
			"October 2024 the array was freed behind a grace period of RCU.",
	},
	Preemptible: true,
	Setup: func(w *World) {
		m := w.Marker("event")
		p1, p2 := w.Probe(m, "p1"), w.Probe(m, "p2")
		must(w.K, w.Register(w.K, p1))
		_ = w.Register(w.K, p2) // a marker may have one probe only
		w.Go("hit", func(k *sim.K) { w.TraceEvent(k, m) })
		w.Go("user", func(k *sim.K) { w.Unregister(k, p2) })
	},
})
