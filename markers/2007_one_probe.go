package markers

import (
	"slices"

	"trapline/probes"
	"trapline/sim"
)

// OneProbe is what there was before the mail: a marker has one probe, which is armed
// and disarmed apart from being connected. The user of the interface here arms a probe
// as soon as it is connected, and disarms it before it is disconnected.
var OneProbe = add(Design{
	Design: probes.Design{
		Name:  "2007-one-probe",
		Title: "before the patch: one probe a marker, connected and armed apart",
		From:  "Linux 2.6.24, kernel/marker.c, Mathieu Desnoyers",
		Order: []string{"module_mutex", "markers_mutex"},
		Fails: []probes.Failure{
			{
				Scenario: "function-before-data",
				Title:    "BUG: probe called with the data of another in trace_mark",
				Why:      "the same as in one-none-one",
			},
			{
				Scenario: "module-with-a-marker",
				Title:    "BUG: probe called with the data of another in trace_mark",
				Why:      "nothing orders the three words of a marker: the module sees it armed and the data of nobody",
				Model:    "lkmm",
			},
			{
				Scenario: "two-operations-in-one-grace-period",
				Title:    "BUG: probe called with the data of another in trace_mark",
				Why:      "register waits for readers before it changes the entry, and the markers are changed after that: a reader who has the first function by then finds the data of the second",
			},
			{
				Scenario: "one-none-one",
				Title:    "BUG: probe called with the data of another in trace_mark",
				Why:      "the marker is found armed before preemption is off, so nobody waits for that reader: it loads the new function, and the data before they are written",
			},
		},
	},
	New: func(k *sim.K) Scheme {
		o := &oneProbe{}
		o.modules.init(k)
		k.MutexInit(&o.markersMutex, "markers_mutex")
		o.table.Init(k, "marker_table")
		return o
	},
})

// oneMarker is struct marker: what the code at the place looks at.
type oneMarker struct {
	name, format string
	state        sim.Word[bool]
	call         sim.Word[function]
	private      sim.Word[*Private]
}

// oneEntry is struct marker_entry.
type oneEntry struct {
	sim.Life
	name, format string
	probe        *Func
	private      *Private
	refcount     int // number of times armed, 0 if disarmed
}

type oneProbe struct {
	// markersMutex nests inside module_mutex. It protects the markers, the table and
	// deferredSync.
	markersMutex sim.Mutex
	table        sim.Data
	entries      []*oneEntry
	deferredSync bool
	core         []*oneMarker
	modules      moduleList[*oneMarker]
}

// NewMarker makes a marker.
func (o *oneProbe) NewMarker(k *sim.K, name, format string, mod *sim.Module) Marker {
	m := &oneMarker{name: name, format: format}
	m.state.Init(k, name+".state", false)
	m.call.Init(k, name+".call", function{markEmptyFunction})
	m.private.Init(k, name+".private", nil)
	if mod != nil {
		m.state.In(mod.Memory())
		m.call.In(mod.Memory())
		m.private.In(mod.Memory())
		o.modules.hold(mod, m)
		return m
	}
	o.core = append(o.core, m)
	return m
}

// Trace is trace_mark(). The probe finds its data in the marker.
func (m *oneMarker) Trace(k *sim.K) { m.traceMark(k) }

func (m *oneMarker) traceMark(k *sim.K) {
	if !m.state.Read(k) {
		return
	}
	k.PreemptDisable()
	call := m.call.Read(k)
	call.Call(k, m.private.Read(k))
	k.PreemptEnable()
}

// getMarker is get_marker(): the entry of that name, nil if there is none. Caller
// holds markers_mutex.
func (o *oneProbe) getMarker(k *sim.K, name string) *oneEntry {
	o.table.Read(k)
	for _, e := range o.entries {
		if e.name == name {
			return e
		}
	}
	return nil
}

// addMarker is add_marker(). Caller holds markers_mutex.
func (o *oneProbe) addMarker(k *sim.K, name, format string, p *Probe) error {
	if o.getMarker(k, name) != nil {
		return sim.EBUSY // "Marker %s busy, probe %p already installed"
	}
	e := &oneEntry{name: name, format: format, probe: p.Func, private: p.Private}
	if err := k.Kzalloc(&e.Life, "marker_entry "+name, sim.GFPKernel); err != nil {
		return err
	}
	o.table.Write(k)
	o.entries = append(o.entries, e)
	return nil
}

// removeMarker is remove_marker(). Caller holds markers_mutex.
func (o *oneProbe) removeMarker(k *sim.K, name string) {
	if e := o.getMarker(k, name); e != nil {
		o.table.Write(k)
		o.entries = slices.DeleteFunc(o.entries, func(x *oneEntry) bool { return x == e })
		k.Kfree(&e.Life)
	}
}

// setMarker is set_marker(): it connects one marker. The format of the first marker
// becomes that of an entry without one; the original allocates the entry anew for that.
func (o *oneProbe) setMarker(k *sim.K, e *oneEntry, elem *oneMarker) error {
	switch e.format {
	case elem.format:
	case "":
		o.table.Write(k)
		e.format = elem.format
	default:
		return sim.EPERM // "Format mismatch for probe %s (%s), marker (%s)"
	}
	elem.call.Write(k, function{e.probe})
	elem.private.Write(k, e.private)
	elem.state.Write(k, true)
	return nil
}

// disableMarker is disable_marker(). "Leave the private data and id there, because
// removal is racy and should be done only after a synchronize_sched()."
func (o *oneProbe) disableMarker(k *sim.K, elem *oneMarker) {
	elem.state.Write(k, false)
	elem.call.Write(k, function{markEmptyFunction})
}

// markerUpdateProbeRange is marker_update_probe_range().
func (o *oneProbe) markerUpdateProbeRange(k *sim.K, markers []*oneMarker) {
	k.MutexLock(&o.markersMutex)
	for _, iter := range markers {
		if e := o.getMarker(k, iter.name); e != nil && e.refcount > 0 {
			_ = o.setMarker(k, e, iter) // ignore error, continue
		} else {
			o.disableMarker(k, iter)
		}
	}
	k.MutexUnlock(&o.markersMutex)
}

// markerUpdateProbes is marker_update_probes(). If the last probe of a module has
// gone it waits for readers; probes here are of no module that it knows of.
func (o *oneProbe) markerUpdateProbes(k *sim.K) {
	o.markerUpdateProbeRange(k, o.core)
	o.modules.update(k, o.markerUpdateProbeRange)
}

// RegisterProbe is marker_probe_register(), and marker_arm() behind it.
func (o *oneProbe) RegisterProbe(k *sim.K, name, format string, p *Probe) error {
	if err := o.markerProbeRegister(k, name, format, p); err != nil {
		return err
	}
	return o.markerArm(k, name)
}

func (o *oneProbe) markerProbeRegister(k *sim.K, name, format string, p *Probe) error {
	k.MutexLock(&o.markersMutex)
	if e := o.getMarker(k, name); e != nil && e.refcount > 0 {
		k.MutexUnlock(&o.markersMutex)
		return sim.EBUSY
	}
	if o.deferredSync {
		k.SynchronizeSched()
		o.table.Write(k)
		o.deferredSync = false
	}
	if err := o.addMarker(k, name, format, p); err != nil {
		k.MutexUnlock(&o.markersMutex)
		return err
	}
	k.MutexUnlock(&o.markersMutex)
	o.markerUpdateProbes(k)
	return nil
}

// markerArm is marker_arm().
func (o *oneProbe) markerArm(k *sim.K, name string) error {
	k.MutexLock(&o.markersMutex)
	e := o.getMarker(k, name)
	if e == nil {
		k.MutexUnlock(&o.markersMutex)
		return sim.ENOENT
	}
	o.table.Write(k)
	e.refcount++
	k.MutexUnlock(&o.markersMutex)
	o.markerUpdateProbes(k)
	return nil
}

// markerDisarm is marker_disarm().
func (o *oneProbe) markerDisarm(k *sim.K, name string) error {
	k.MutexLock(&o.markersMutex)
	e := o.getMarker(k, name)
	if e == nil || e.refcount == 0 {
		k.MutexUnlock(&o.markersMutex)
		if e == nil {
			return sim.ENOENT
		}
		return sim.EPERM
	}
	o.table.Write(k)
	e.refcount--
	k.MutexUnlock(&o.markersMutex)
	o.markerUpdateProbes(k)
	return nil
}

// UnregisterProbe is marker_disarm(), and marker_probe_unregister() behind it. It
// disconnects whatever probe the marker has.
func (o *oneProbe) UnregisterProbe(k *sim.K, name string, _ *Probe) error {
	if err := o.markerDisarm(k, name); err != nil {
		return err
	}
	return o.markerProbeUnregister(k, name)
}

func (o *oneProbe) markerProbeUnregister(k *sim.K, name string) error {
	k.MutexLock(&o.markersMutex)
	e := o.getMarker(k, name)
	if e == nil {
		k.MutexUnlock(&o.markersMutex)
		return sim.ENOENT
	}
	o.table.Write(k)
	e.refcount = 0
	o.removeMarker(k, name)
	o.deferredSync = true
	k.MutexUnlock(&o.markersMutex)
	o.markerUpdateProbes(k)
	return nil
}

// Synchronize is synchronize_sched(), which users of that time called themselves.
func (o *oneProbe) Synchronize(k *sim.K) { k.SynchronizeSched() }

// ModuleComing is the part of load_module() that connects the markers of a module.
func (o *oneProbe) ModuleComing(k *sim.K, mod *sim.Module) {
	o.modules.coming(k, mod, o.markerUpdateProbeRange)
}

// ModuleGoing is the part of free_module() that forgets them.
func (o *oneProbe) ModuleGoing(k *sim.K, mod *sim.Module) { o.modules.going(k, mod) }
