package markers

import (
	"trapline/probes"
	"trapline/sim"
)

// SeveralProbes is the patch as it was posted: a marker with one probe calls it without
// another pointer to follow (single), one with several walks an array (multi), and ptype
// says which. An array that is replaced is freed by RCU, and the entry of the marker
// says with rcu_pending that this is still to come. The readers and the operations are
// here; what becomes of an entry is in 2007_several_probes_entry.go.
var SeveralProbes = add(Design{
	Design: probes.Design{
		Name:  "2007-several-probes",
		Title: "as posted: one probe in the marker, several in an array that RCU frees",
		From:  `LKML, 4 Dec 2007, Mathieu Desnoyers, "[patch 1/2] Linux Kernel Markers - Support Multiple Probes", with Andrew Morton's review; what the review does not quote is as merged in 2.6.25`,
		Order: []string{"module_mutex", "markers_mutex"},
		Fails: severalProbesFails,
	},
	New: func(k *sim.K) Scheme { return newSeveralProbes(k, &severalProbes{}) },
})

// marker is struct marker: what the code at the place looks at.
type marker struct {
	s            *severalProbes
	name, format string
	state        sim.Word[bool]
	ptype        sim.Word[bool] // false for single, true for multi
	single       singleProbe
	multi        sim.RCUPointer[probeArray]
}

// singleProbe is the closure of a marker with one probe: two words, and not one.
type singleProbe struct {
	fn      sim.Word[function]
	private sim.Word[*Private]
}

// function is a *Func in a word that nothing else is found by: that it was read says
// nothing of what is read after it.
type function struct{ *Func }

// severalProbes is the design. What later ones changed is in its first fields.
type severalProbes struct {
	// callRCUSched has it use call_rcu_sched and rcu_barrier_sched, which wait for
	// readers who have switched preemption off.
	callRCUSched bool
	// plainInts gives each flag of an entry a word of its own.
	plainInts bool
	// barrierAgain waits for the callback under way before the head is queued.
	barrierAgain bool
	// removesInPlace lets a removal go on without memory for a smaller array.
	removesInPlace bool
	// storeRelease has the callback clear rcu_pending when it has read all it needs.
	storeRelease bool
	// rmbBeforeMulti has a barrier between ptype and multi, and dropped takes one
	// of the barriers away.
	rmbBeforeMulti bool
	dropped        barrier

	// markersMutex nests inside module_mutex. It protects the markers and the table.
	markersMutex sim.Mutex
	table        sim.Data // and all entries
	entries      []*markerEntry
	core         []*marker
	modules      moduleList[*marker]
}

// barrier is one of those of marker_probe_cb.
type barrier int

const (
	noBarrier barrier = iota
	beforeFunc
	beforePrivate
	beforeMulti
)

// newSeveralProbes builds the design with what differs in it.
func newSeveralProbes(k *sim.K, s *severalProbes) *severalProbes {
	k.MutexInit(&s.markersMutex, "markers_mutex")
	s.table.Init(k, "marker_table")
	s.modules.init(k)
	return s
}

// NewMarker makes a marker.
func (s *severalProbes) NewMarker(k *sim.K, name, format string, mod *sim.Module) Marker {
	m := &marker{s: s, name: name, format: format}
	m.state.Init(k, name+".state", false)
	m.ptype.Init(k, name+".ptype", false)
	m.single.fn.Init(k, name+".single.func", function{markEmptyFunction})
	m.single.private.Init(k, name+".single.probe_private", nil)
	m.multi.Init(k, name+".multi", nil)
	if mod == nil {
		s.core = append(s.core, m)
		return m
	}
	memory := mod.Memory()
	m.state.In(memory)
	m.ptype.In(memory)
	m.single.fn.In(memory)
	m.single.private.In(memory)
	m.multi.In(memory)
	s.modules.hold(mod, m)
	return m
}

// Trace is trace_mark(). The marker is enabled some time before or after the function
// is set: "even though the function pointer change and the marker enabling are two
// distinct operations", the function can be called.
func (m *marker) Trace(k *sim.K) {
	if m.state.Read(k) {
		m.s.markerProbeCb(k, m)
	}
}

// markerProbeCb is marker_probe_cb().
func (s *severalProbes) markerProbeCb(k *sim.K, mdata *marker) {
	k.PreemptDisable()
	defer k.PreemptEnable()
	if ptype := mdata.ptype.Read(k); !ptype {
		// "Must read the ptype before ptr. They are not data dependant, so we
		// put an explicit smp_rmb() here."
		s.smpRmb(k, beforeFunc)
		fn := mdata.single.fn.Read(k)
		// "Must read the ptr before private data." The same.
		s.smpRmb(k, beforePrivate)
		fn.Call(k, mdata.single.private.Read(k))
		return
	}
	// As posted there is only smp_read_barrier_depends() here, which orders nothing
	// but a pointer and what it points to, and stands in front of the pointer.
	if s.rmbBeforeMulti {
		s.smpRmb(k, beforeMulti)
	}
	multi := mdata.multi.DereferenceRaw(k)
	multi.callProbes(k)
}

func (s *severalProbes) smpRmb(k *sim.K, which barrier) {
	if which != s.dropped {
		k.SmpRmb()
	}
}

// errNoMemory is ERR_PTR(-ENOMEM) where a pointer to an array is meant.
var errNoMemory = &probeArray{}

// freeOldClosure is free_old_closure(), the callback.
func (s *severalProbes) freeOldClosure(k *sim.K, entry *markerEntry) {
	switch old := entry.oldptr.Read(k); old {
	case nil:
	case errNoMemory:
		k.Fail(&sim.Violation{Kind: sim.Oops, Subject: "kfree(ERR_PTR(-ENOMEM))"})
	default:
		k.Kfree(&old.Life)
	}
	// "Make sure we free the data before setting the pending flag to 0"
	// It is no order for the load of oldptr, which lies in the entry: whoever sees
	// the flag cleared may free that.
	if s.storeRelease {
		entry.flags.word.StoreRelease(k, 0)
		return
	}
	k.SmpWmb()
	entry.flags.setFlag(k, rcuPending, false)
}

// setMarker is set_marker(): it connects one marker. The format of the first marker
// becomes that of an entry without one; the original allocates the entry anew for that.
// elem->call, the wrapper with arguments or the one without, is left out: that changes with
// the format only.
func (s *severalProbes) setMarker(k *sim.K, entry *markerEntry, elem *marker) error {
	switch entry.format {
	case elem.format:
	case "":
		s.table.Write(k)
		entry.format = elem.format
	default:
		return sim.EPERM // "Format mismatch for probe %s (%s), marker (%s)"
	}
	// "We only update the single probe private data when the ptr is set to a _non_
	// single probe! (0 -> 1 and N -> 1, N != 1)"
	k.WarnOn(elem.single.fn.Peek().Func != markEmptyFunction && elem.single.private.Peek() != entry.single.private &&
		!elem.ptype.Peek(), "the data of a single probe are changed")
	elem.single.private.Write(k, entry.single.private)
	// "Make sure the private data is valid when we update the single probe ptr."
	k.SmpWmb()
	elem.single.fn.Write(k, function{entry.single.fn})
	// "We also make sure that the new probe callbacks array is consistent before
	// setting a pointer to it."
	elem.multi.Assign(k, entry.multi)
	// "Update the function or multi probe array pointer before setting the ptype."
	k.SmpWmb()
	elem.ptype.Write(k, entry.flags.getFlag(k, ptype))
	elem.state.Write(k, entry.refcount > 0)
	return nil
}

// disableMarker is disable_marker(). "Leave the private data and id there, because
// removal is racy and should be done only after a synchronize_sched()."
func (s *severalProbes) disableMarker(k *sim.K, elem *marker) {
	elem.state.Write(k, false)
	elem.single.fn.Write(k, function{markEmptyFunction})
	// "Update the function before setting the ptype"
	k.SmpWmb()
	elem.ptype.Write(k, false)
}

// markerUpdateProbeRange is marker_update_probe_range().
func (s *severalProbes) markerUpdateProbeRange(k *sim.K, markers []*marker) {
	k.MutexLock(&s.markersMutex)
	s.updateRange(k, markers)
	k.MutexUnlock(&s.markersMutex)
}

// updateRange is what it does under markers_mutex.
func (s *severalProbes) updateRange(k *sim.K, markers []*marker) {
	for _, iter := range markers {
		if entry := s.getMarker(k, iter.name); entry != nil {
			_ = s.setMarker(k, entry, iter) // ignore error, continue
		} else {
			s.disableMarker(k, iter)
		}
	}
}

// markerUpdateProbes is marker_update_probes().
func (s *severalProbes) markerUpdateProbes(k *sim.K) {
	s.markerUpdateProbeRange(k, s.core)
	s.modules.update(k, s.markerUpdateProbeRange)
}

// waitForCallback makes sure that what is pending has been executed. Caller holds
// markers_mutex.
func (s *severalProbes) waitForCallback(k *sim.K, entry *markerEntry) {
	switch {
	case !entry.flags.getFlag(k, rcuPending):
	case s.callRCUSched:
		k.RCUBarrierSched()
	default:
		k.RCUBarrier()
	}
}

// freeLater has the old array freed after a grace period. Caller holds markers_mutex.
func (s *severalProbes) freeLater(k *sim.K, entry *markerEntry, old *probeArray) {
	if s.barrierAgain {
		s.waitForCallback(k, entry)
	}
	entry.oldptr.Write(k, old)
	entry.flags.setFlag(k, rcuPending, true)
	// "write rcu_pending before calling the RCU callback"
	k.SmpWmb()
	free := func(k *sim.K) { s.freeOldClosure(k, entry) }
	if s.callRCUSched {
		k.CallRCUSched(&entry.rcu, free)
	} else {
		k.CallRCU(&entry.rcu, free)
	}
}

// RegisterProbe is marker_probe_register().
func (s *severalProbes) RegisterProbe(k *sim.K, name, format string, p *Probe) error {
	return s.markerProbeRegister(k, name, format, p)
}

func (s *severalProbes) markerProbeRegister(k *sim.K, name, format string, p *Probe) (err error) {
	k.MutexLock(&s.markersMutex)
	defer k.MutexUnlock(&s.markersMutex)
	entry := s.getMarker(k, name)
	if entry == nil {
		if entry, err = s.addMarker(k, name, format); err != nil {
			return err
		}
	}
	// "If we detect that a call_rcu is pending for this marker, make sure it's
	// executed now."
	s.waitForCallback(k, entry)
	old, err := s.markerEntryAddProbe(k, entry, closure{fn: p.Func, private: p.Private})
	if err != nil {
		return err
	}
	k.MutexUnlock(&s.markersMutex)
	s.markerUpdateProbes(k) // may update entry
	k.MutexLock(&s.markersMutex)
	if entry = s.getMarker(k, name); entry == nil && s.barrierAgain {
		return nil
	}
	k.WarnOn(entry == nil, "the entry of a marker with a probe is gone")
	s.freeLater(k, entry, old)
	return nil
}

// UnregisterProbe is marker_probe_unregister().
func (s *severalProbes) UnregisterProbe(k *sim.K, name string, p *Probe) error {
	return s.markerProbeUnregister(k, name, p)
}

func (s *severalProbes) markerProbeUnregister(k *sim.K, name string, p *Probe) error {
	k.MutexLock(&s.markersMutex)
	defer k.MutexUnlock(&s.markersMutex)
	entry := s.getMarker(k, name)
	if entry == nil {
		return sim.ENOENT
	}
	s.waitForCallback(k, entry)
	old := s.markerEntryRemoveProbe(k, entry, closure{fn: p.Func, private: p.Private})
	k.MutexUnlock(&s.markersMutex)
	s.markerUpdateProbes(k) // may update entry
	k.MutexLock(&s.markersMutex)
	entry = s.getMarker(k, name)
	if entry == nil {
		return sim.ENOENT
	}
	s.freeLater(k, entry, old)
	_ = s.removeMarker(k, name) // ignore busy error message
	return nil
}

// Synchronize is marker_synchronize_unregister(), which came in 2.6.27; users of the
// patch as posted called synchronize_sched() for it.
func (s *severalProbes) Synchronize(k *sim.K) { k.SynchronizeSched() }

// ModuleComing is the part of load_module() that connects the markers of a module.
func (s *severalProbes) ModuleComing(k *sim.K, mod *sim.Module) {
	s.modules.coming(k, mod, s.markerUpdateProbeRange)
}

// ModuleGoing is the part of free_module() that forgets them.
func (s *severalProbes) ModuleGoing(k *sim.K, mod *sim.Module) { s.modules.going(k, mod) }
