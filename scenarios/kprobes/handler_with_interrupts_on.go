package kprobes

import (
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// HandlerWithInterruptsOn is for a kernel whose RCU readers can be preempted, on a
// processor whose breakpoint exception leaves interrupts on.
var HandlerWithInterruptsOn = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "handler-with-interrupts-on",
		Asks: "Does the updater wait for the readers that there are?",
		From: "Paul E. McKenney's review of October 2005: synchronize_sched does not wait for rcu_read_lock in realtime kernels",
		Story: "The patch reads the table under rcu_read_lock and waits with synchronize_sched. In the " +
			"kernels of the time the two were the same. In a kernel whose readers of RCU can be " +
			"preempted they are not: synchronize_sched waits for code that cannot be preempted, and " +
			"a reader is preempted between finding a probe and using it. Where exceptions switch " +
			"interrupts off they cannot be preempted, rcu_read_lock or not; where they leave them " +
			"on the probe is freed under the handler. The merged code took no rcu_read_lock, and " +
			"switched preemption off first.",
	},
	RCU: sim.PreemptRCU,
	Setup: func(w *World) {
		w.InterruptsOn = true
		p := w.Probe("probe", doFork)
		must(w.K, w.Register(w.K, p))
		w.M.Go("remove", func(k *sim.K) { w.Unregister(k, p) })
		w.M.Go("fork", func(k *sim.K) { w.Execute(k, doFork) })
	},
})
