package markers

import (
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// ProbeModuleUnloads unloads the module that a probe belongs to, which disconnects
// it and does not wait, while the marker is reached.
var ProbeModuleUnloads = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "probe-module-unloads",
		Asks: "Is the code of a probe left before its module is freed?",
		From: "the comment on marker_probe_unregister in the patch, as merged: \"the module unload " +
			"itself uses stop_machine(), which insures that every preempt disabled section have " +
			"finished\"",
		Story: "A module disconnects its probe as it goes, and may be gone before a call that has begun " +
			"is over. The designs rely on what unloading waits for: stop_machine in 2007, " +
			"synchronize_rcu since 4.20, and both wait for every region with preemption off. The " +
			"tracepoints of system calls are called with preemption on since 6.13: their readers are " +
			"those of RCU tasks trace, for whom unloading does not wait. Who has a probe in a module " +
			"must call tracepoint_synchronize_unregister() as it goes, which waits for both; here the " +
			"module relies on the unloading alone.",
	},
	Setup: func(w *World) {
		m := w.Marker("event")
		mod := &sim.Module{Grace: func(k *sim.K) { k.SynchronizeSched() }}
		p1 := w.ProbeWith(m, "p1", w.NewFuncIn(mod, "f1"))
		must(w.K, w.K.LoadModule(&w.Modules, mod, "tracer", func(k *sim.K) error { return w.Register(k, p1) },
			func(k *sim.K) { w.Unregister(k, p1) }))
		w.Go("hit", func(k *sim.K) { w.TraceEvent(k, m) })
		w.Go("rmmod", func(k *sim.K) { must(k, k.DeleteModule(mod)) })
	},
})
