package markers

import (
	"trapline/markers"
	"trapline/sim"
)

// World is what the tasks of a scenario act on: a machine with a design at work on it.
type World struct {
	// M is the machine, K the handle of its setup.
	M *sim.Machine
	K *sim.K
	// Scheme is the design.
	Scheme markers.Scheme
	// Modules are those that come and go.
	Modules sim.Modules

	// contract orders what the contract speaks of: it is read where a hit begins and
	// ends, and written when a probe becomes connected and when it stops to be.
	contract sim.Object
	probes   []*Probe
	markers  []*Marker
	byModule map[*sim.Module][]*Marker
	booted   *sim.Completion
	rests    []func(k *sim.K)
}

// format is the format of all markers whose format does not matter.
const format = "pid %d"

func newWorld(m *sim.Machine, d *markers.Design, preemptible bool) *World {
	m.RCU = d.RCU(preemptible)
	m.ClaimOrder(d.Order)
	w := &World{M: m, K: m.Setup(), byModule: map[*sim.Module][]*Marker{}}
	w.Scheme = d.New(w.K)
	w.contract.Init(w.K, "the probes")
	w.K.InitModules(&w.Modules)
	w.K.RegisterModuleNotifier(&w.Modules, w.notify)
	m.After(w.quiet)
	return w
}

// Marker is a marked place in the code.
type Marker struct {
	w       *World
	name    string
	mod     *sim.Module
	place   markers.Marker
	present bool
}

// Marker is a marker of the core kernel.
func (w *World) Marker(name string) *Marker { return w.marker(name, nil) }

// MarkerIn is a marker of a module that is to be loaded.
func (w *World) MarkerIn(mod *sim.Module, name string) *Marker {
	m := w.marker(name, mod)
	w.byModule[mod] = append(w.byModule[mod], m)
	return m
}

func (w *World) marker(name string, mod *sim.Module) *Marker {
	m := &Marker{w: w, name: name, mod: mod, present: mod == nil}
	if m.present {
		m.place = w.Scheme.NewMarker(w.K, name, format, nil)
	}
	w.markers = append(w.markers, m)
	return m
}

// notify is what the loader of modules does with markers.
func (w *World) notify(k *sim.K, mod *sim.Module, state sim.ModuleState) error {
	switch state {
	case sim.ModuleStateComing:
		for _, m := range w.byModule[mod] {
			m.place = w.Scheme.NewMarker(k, m.name, format, mod)
		}
		w.Scheme.ModuleComing(k, mod)
	case sim.ModuleStateLive:
		for _, m := range w.byModule[mod] {
			m.present = true
		}
	case sim.ModuleStateGoing:
		for _, m := range w.byModule[mod] {
			m.present = false
		}
		w.Scheme.ModuleGoing(k, mod)
	}
	return nil
}

// Boot runs f before any task that Go adds after it. What the setup would do in no time
// is done by a task here: what that allocates has to be freed again.
func (w *World) Boot(f func(k *sim.K)) {
	w.booted = new(sim.Completion)
	w.K.InitCompletion(w.booted, "booted")
	w.M.Go("boot", func(k *sim.K) {
		f(k)
		k.CompleteAll(w.booted)
	})
}

// settle waits for callbacks that are under way.
func (w *World) settle(k *sim.K) {
	k.RCUBarrier()
	k.RCUBarrierSched()
}

// AtRest has f called when all tasks have ended, before the checks.
func (w *World) AtRest(f func(k *sim.K)) { w.rests = append(w.rests, f) }

// Go adds a task.
func (w *World) Go(name string, f func(k *sim.K)) {
	booted := w.booted
	w.M.Go(name, func(k *sim.K) {
		if booted != nil {
			k.WaitForCompletion(booted)
		}
		f(k)
	})
}

// quiet is the end of every scenario: each probe that is connected is called by each of
// its markers, and when they are gone nothing is called, and nothing is left.
func (w *World) quiet(k *sim.K) {
	for _, f := range w.rests {
		f(k)
	}
	w.hitAll(k)
	for _, p := range w.probes {
		if p.active {
			w.Unregister(k, p)
		}
	}
	w.hitAll(k)
}

func (w *World) hitAll(k *sim.K) {
	for _, m := range w.markers {
		if m.present {
			w.atRest(k, m)
		}
	}
}
