package markers

import (
	"fmt"

	"trapline/markers"
	"trapline/sim"
)

// What a design for markers owes those who connect probes to them. Each is checked in
// every execution.
var (
	// WrongData is a function that is called with data it was never connected with.
	WrongData = sim.Kind{Name: "wrong-data", Class: "BUG: probe called with the data of another"}
	// MissedProbe is a probe that was connected from before the marker was reached
	// until after it was left, and was not called exactly once.
	MissedProbe = sim.Kind{Name: "missed-probe", Class: "BUG: connected probe not called once"}
	// LateProbe is a probe that is called when all is quiet and it has gone.
	LateProbe = sim.Kind{Name: "late-probe", Class: "BUG: probe called after unregister"}
)

// Probe is a probe with what its contract needs to know.
type Probe struct {
	markers.Probe
	w      *World
	marker string
	name   string
	format string
	active bool
	epoch  int // counts registrations
	hits   []int
}

var _ = sim.Plumbing("probe_func", "new_func", "new_func_in", "end_hit")

var (
	opConnected  = sim.NewOp("marker_probe_register() has connected one of %s")
	opDisconnect = sim.NewOp("marker_probe_unregister() is to disconnect one of %s")
	opReached    = sim.NewOp("a marker is reached by %s")
	opLeft       = sim.NewOp("a marker is left by %s")
	opProbe      = sim.NewOp("probe(%s)")
)

// NewFunc is a function for probes.
func (w *World) NewFunc(name string) *markers.Func {
	f := &markers.Func{Name: name}
	f.Call = func(k *sim.K, private *markers.Private) { w.probeFunc(k, f, private) }
	return f
}

// NewFuncIn is a function for probes whose code belongs to a module.
func (w *World) NewFuncIn(mod *sim.Module, name string) *markers.Func {
	f := &markers.Func{Name: name}
	f.Call = func(k *sim.K, private *markers.Private) {
		mod.Call(k, func(k *sim.K) { w.probeFunc(k, f, private) })
	}
	return f
}

// Probe is a probe for the markers of a name, with a function and data of its own: those
// of p1 are called f1 and d1.
func (w *World) Probe(m *Marker, name string) *Probe {
	return w.ProbeWith(m, name, w.NewFunc("f"+name[1:]))
}

// ProbeWith is the same with a function that others may have as well.
func (w *World) ProbeWith(m *Marker, name string, f *markers.Func) *Probe {
	p := &Probe{w: w, marker: m.name, name: name, format: format}
	p.Func, p.Private = f, &markers.Private{Name: "d" + name[1:]}
	w.K.Born(&p.Private.Life, p.Private.Name)
	w.probes = append(w.probes, p)
	return p
}

// probeFunc is what every probe does: it uses its data.
func (w *World) probeFunc(k *sim.K, f *markers.Func, private *markers.Private) {
	for _, p := range w.probes {
		if p.Func == f && p.Private == private {
			k.Use(opProbe, &private.Life)
			*p.hitsOf(k)++
			return
		}
	}
	k.Fail(&sim.Violation{Kind: WrongData, Subject: fmt.Sprintf("%s(%s)", f, private)})
}

// hitsOf counts the calls by one task, who alone uses it.
func (p *Probe) hitsOf(k *sim.K) *int {
	for int(k.ID()) >= len(p.hits) {
		p.hits = append(p.hits, 0)
	}
	return &p.hits[k.ID()]
}

// Register connects a probe. It fails only if the design does.
func (w *World) Register(k *sim.K, p *Probe) error {
	if err := w.Scheme.RegisterProbe(k, p.marker, p.format, &p.Probe); err != nil {
		return err
	}
	k.Step(opConnected, &w.contract, sim.Write)
	p.active = true
	p.epoch++
	return nil
}

// Unregister disconnects a probe, if it is connected. Like most of the kernel it does
// not ask whether that was done.
func (w *World) Unregister(k *sim.K, p *Probe) {
	if !p.active {
		return
	}
	k.Step(opDisconnect, &w.contract, sim.Write)
	p.active = false
	_ = w.Scheme.UnregisterProbe(k, p.marker, &p.Probe)
}

// Retire disconnects a probe, waits until nobody can be in it, and frees its data.
func (w *World) Retire(k *sim.K, p *Probe) {
	if !p.active {
		return
	}
	w.Unregister(k, p)
	w.Scheme.Synchronize(k)
	k.Kfree(&p.Private.Life)
}

// hit is how one probe stands when a marker is reached.
type hit struct {
	must  bool // it was connected
	epoch int
	calls int
}

// Trace runs through a marker, and asks nothing of who is called but that each gets its
// own data: for questions with much else in them.
func (w *World) Trace(k *sim.K, m *Marker) { m.place.Trace(k) }

// TraceEvent runs through a marker, once, and holds the design to its contract.
func (w *World) TraceEvent(k *sim.K, m *Marker) {
	k.Step(opReached, &w.contract, sim.Read)
	before := make([]hit, len(w.probes))
	for i, p := range w.probes {
		before[i] = hit{p.active && p.marker == m.name, p.epoch, *p.hitsOf(k)}
	}
	m.place.Trace(k)
	k.Step(opLeft, &w.contract, sim.Read)
	for i, p := range w.probes {
		p.endHit(k, before[i])
	}
}

func (p *Probe) endHit(k *sim.K, h hit) {
	n := *p.hitsOf(k) - h.calls
	if n > 1 || n == 0 && h.must && p.active && p.epoch == h.epoch {
		k.Fail(&sim.Violation{Kind: MissedProbe, Subject: fmt.Sprintf("%s was called %d times for one hit", p.name, n)})
	}
}

// atRest is a hit when all is quiet.
func (w *World) atRest(k *sim.K, m *Marker) {
	calls := make([]int, len(w.probes))
	for i, p := range w.probes {
		calls[i] = *p.hitsOf(k)
	}
	w.TraceEvent(k, m)
	for i, p := range w.probes {
		if !p.active && *p.hitsOf(k) != calls[i] {
			k.Fail(&sim.Violation{Kind: LateProbe, Subject: p.name + " was called, and it has gone"})
		}
	}
}
