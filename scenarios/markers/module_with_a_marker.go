package markers

import (
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// ModuleWithAMarker loads and unloads a module that reaches a marker of its own,
// while a probe is connected to markers of that name and disconnected again.
var ModuleWithAMarker = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "module-with-a-marker",
		Asks: "Is a marker connected that comes, and left alone when it has gone?",
		From: "the patch, as merged: \"markers_mutex nests inside module_mutex\", so that the markers of all " +
			"modules can be updated",
		Story: "The markers of modules lie in the memory of the modules. To update them an operation " +
			"takes module_mutex, so that none goes meanwhile, and a module that comes has its markers " +
			"connected by what there is. This is why an operation drops markers_mutex in the middle " +
			"as posted: module_mutex comes first. All designs answer that well. That the tracepoints " +
			"of system calls of October 2024 fail is for what last-probe-goes says: their array is " +
			"freed under the caller.",
	},
	Setup: func(w *World) {
		m := w.Marker("event")
		mod := &sim.Module{Grace: func(k *sim.K) { k.SynchronizeSched() }}
		inside := w.MarkerIn(mod, "event")
		p1 := w.Probe(m, "p1")
		w.Go("insmod", func(k *sim.K) {
			must(k, k.LoadModule(&w.Modules, mod, "driver", nil, nil))
			w.TraceEvent(k, inside)
			must(k, k.DeleteModule(mod))
		})
		w.Go("user", func(k *sim.K) {
			must(k, w.Register(k, p1))
			w.Retire(k, p1)
		})
	},
})
