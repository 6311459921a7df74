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
	},
	RCU: sim.PreemptRCU,
	Setup: func(w *World) {
		w.InterruptsOn = true
		p := w.Probe("probe", doFork)
		must(w.Register(w.K, p))
		w.M.Go("remove", func(k *sim.K) { w.Unregister(k, p) })
		w.M.Go("fork", func(k *sim.K) { w.Execute(k, doFork) })
	},
})
