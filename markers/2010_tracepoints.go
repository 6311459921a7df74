package markers

import (
	"slices"

	"trapline/probes"
	"trapline/sim"
)

// Tracepoints2010 are the successors of markers: probes are always in an array, each
// with its function and its data in one element, so that there is one pointer to publish
// and nothing that can be of two times.
var Tracepoints2010 = add(Design{
	Design: probes.Design{
		Name:  "2010-tracepoints",
		Title: "tracepoints: always an array, of functions with their data",
		From:  "Linux 2.6.35, kernel/tracepoint.c, Mathieu Desnoyers, Steven Rostedt",
		Order: []string{"module_mutex", "tracepoints_mutex"},
		Fails: []probes.Failure{
			{
				Scenario: "removal-without-memory",
				Title:    "KASAN: slab-use-after-free Read in do_trace",
				Why:      "the error is for a user who has no use for one: the probe is still connected when its data are freed",
			},
			stillConnected,
		},
	},
	New: func(k *sim.K) Scheme {
		t := &tracepoints{}
		k.MutexInit(&t.mutex, "tracepoints_mutex")
		t.table.Init(k, "tracepoint_table")
		t.modules.init(k)
		return t
	},
})

// stillConnected is what drawn programs see of that before the data are freed.
var stillConnected = probes.Failure{
	Scenario: "lifecycle",
	Title:    "BUG: probe called after unregister in at_rest",
	Why:      "there was no memory for the array without the probe, and its user thinks that it has gone",
}

// arrayMarker is struct tracepoint.
type arrayMarker struct {
	name  string
	state sim.Word[bool]
	funcs sim.RCUPointer[probeArray]
}

// tracepointEntry is struct tracepoint_entry.
type tracepointEntry struct {
	sim.Life
	name  string
	funcs *probeArray
}

type tracepoints struct {
	mutex   sim.Mutex // tracepoints_mutex, which nests inside module_mutex
	table   sim.Data  // and all entries
	entries []*tracepointEntry
	core    []*arrayMarker
	modules moduleList[*arrayMarker]
}

// NewMarker makes a tracepoint. Formats are checked by the compiler now.
func (t *tracepoints) NewMarker(k *sim.K, name, _ string, mod *sim.Module) Marker {
	m := &arrayMarker{name: name}
	m.state.Init(k, name+".state", false)
	m.funcs.Init(k, name+".funcs", nil)
	if mod == nil {
		t.core = append(t.core, m)
		return m
	}
	m.state.In(mod.Memory())
	m.funcs.In(mod.Memory())
	t.modules.hold(mod, m)
	return m
}

// Trace is trace_NAME() with __DO_TRACE() in it.
func (m *arrayMarker) Trace(k *sim.K) {
	if m.state.Read(k) {
		m.doTrace(k)
	}
}

func (m *arrayMarker) doTrace(k *sim.K) {
	k.RCUReadLockSched()
	defer k.RCUReadUnlockSched()
	if itFuncPtr := m.funcs.DereferenceSched(k); itFuncPtr != nil {
		itFuncPtr.callProbes(k)
	}
}

// getTracepoint is get_tracepoint(). Caller holds tracepoints_mutex.
func (t *tracepoints) getTracepoint(k *sim.K, name string) *tracepointEntry {
	t.table.Read(k)
	for _, e := range t.entries {
		if e.name == name {
			return e
		}
	}
	return nil
}

// tracepointAddProbe is tracepoint_add_probe(): it returns the array to free.
func (t *tracepoints) tracepointAddProbe(k *sim.K, name string, p closure) (*probeArray, error) {
	entry := t.getTracepoint(k, name)
	if entry == nil {
		entry = &tracepointEntry{name: name}
		if err := k.Kzalloc(&entry.Life, "tracepoint_entry "+name, sim.GFPKernel); err != nil {
			return nil, err
		}
		t.table.Write(k)
		t.entries = append(t.entries, entry)
	}
	old := entry.funcs
	cs := old.copyProbes(k)
	if slices.Contains(cs, p) {
		return nil, sim.EEXIST
	}
	funcs, err := newProbeArray(k, name+".funcs", append(cs, p))
	if err != nil {
		if old == nil {
			t.removeTracepoint(k, entry)
		}
		return nil, err
	}
	t.table.Write(k)
	entry.funcs = funcs
	return old, nil
}

// tracepointRemoveProbe is tracepoint_remove_probe(): it returns the array to free.
func (t *tracepoints) tracepointRemoveProbe(k *sim.K, name string, p closure) (*probeArray, error) {
	entry := t.getTracepoint(k, name)
	if entry == nil {
		return nil, sim.ENOENT
	}
	old := entry.funcs
	cs := old.copyProbes(k)
	if !slices.Contains(cs, p) {
		return nil, sim.ENOENT
	}
	cs = without(cs, p)
	if len(cs) == 0 {
		t.removeTracepoint(k, entry)
		return old, nil
	}
	funcs, err := newProbeArray(k, name+".funcs", cs)
	if err != nil {
		return nil, err
	}
	t.table.Write(k)
	entry.funcs = funcs
	return old, nil
}

// removeTracepoint is remove_tracepoint(). Caller holds tracepoints_mutex.
func (t *tracepoints) removeTracepoint(k *sim.K, entry *tracepointEntry) {
	t.table.Write(k)
	t.entries = slices.DeleteFunc(t.entries, func(x *tracepointEntry) bool { return x == entry })
	k.Kfree(&entry.Life)
}

// tracepointUpdateProbeRange is tracepoint_update_probe_range(), with set_tracepoint()
// and disable_tracepoint() in it.
func (t *tracepoints) tracepointUpdateProbeRange(k *sim.K, markers []*arrayMarker) {
	k.MutexLock(&t.mutex)
	for _, elem := range markers {
		if entry := t.getTracepoint(k, elem.name); entry != nil {
			elem.funcs.Assign(k, entry.funcs)
			elem.state.Write(k, true)
		} else {
			elem.state.Write(k, false)
			elem.funcs.Assign(k, nil)
		}
	}
	k.MutexUnlock(&t.mutex)
}

// tracepointUpdateProbes is tracepoint_update_probes().
func (t *tracepoints) tracepointUpdateProbes(k *sim.K) {
	t.tracepointUpdateProbeRange(k, t.core)
	t.modules.update(k, t.tracepointUpdateProbeRange)
}

// releaseProbes is release_probes() of this time.
func releaseProbes(k *sim.K, old *probeArray) {
	if old != nil {
		k.CallRCUSched(&old.rcu, func(k *sim.K) { rcuFreeOldProbes(k, old) })
	}
}

// rcuFreeOldProbes is rcu_free_old_probes(), the callback.
func rcuFreeOldProbes(k *sim.K, old *probeArray) { k.Kfree(&old.Life) }

// RegisterProbe is tracepoint_probe_register().
func (t *tracepoints) RegisterProbe(k *sim.K, name, _ string, p *Probe) error {
	k.MutexLock(&t.mutex)
	old, err := t.tracepointAddProbe(k, name, closure{fn: p.Func, private: p.Private})
	k.MutexUnlock(&t.mutex)
	if err != nil {
		return err
	}
	t.tracepointUpdateProbes(k)
	releaseProbes(k, old)
	return nil
}

// UnregisterProbe is tracepoint_probe_unregister().
func (t *tracepoints) UnregisterProbe(k *sim.K, name string, p *Probe) error {
	k.MutexLock(&t.mutex)
	old, err := t.tracepointRemoveProbe(k, name, closure{fn: p.Func, private: p.Private})
	k.MutexUnlock(&t.mutex)
	if err != nil {
		return err
	}
	t.tracepointUpdateProbes(k)
	releaseProbes(k, old)
	return nil
}

// Synchronize is tracepoint_synchronize_unregister().
func (t *tracepoints) Synchronize(k *sim.K) { k.SynchronizeSched() }

// ModuleComing is tracepoint_module_notify(), for MODULE_STATE_COMING.
func (t *tracepoints) ModuleComing(k *sim.K, mod *sim.Module) {
	t.modules.coming(k, mod, t.tracepointUpdateProbeRange)
}

// ModuleGoing is the part of free_module() that forgets its tracepoints.
func (t *tracepoints) ModuleGoing(k *sim.K, mod *sim.Module) { t.modules.going(k, mod) }
