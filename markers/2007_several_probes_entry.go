package markers

import (
	"slices"

	"trapline/sim"
)

// markerEntry is struct marker_entry: what the updaters know of the markers of a name.
// "the markers_mutex protects all struct marker_entry modifications", it says in the
// mail; free_old_closure modifies it, too.
type markerEntry struct {
	sim.Life
	name, format string
	single       closure
	multi        *probeArray
	refcount     int // "Number of times armed. 0 if disarmed."
	rcu          sim.RCUHead
	oldptr       sim.Word[*probeArray]
	flags        flags // rcu_pending and ptype
}

// markerEntryAddProbe is marker_entry_add_probe(): it returns the array to free.
// Caller holds markers_mutex.
func (s *severalProbes) markerEntryAddProbe(k *sim.K, entry *markerEntry, p closure) (*probeArray, error) {
	s.table.Read(k)
	old, cs := entry.multi, []closure(nil)
	if !entry.flags.getFlag(k, ptype) {
		if entry.single == p {
			return nil, sim.EBUSY
		}
		if entry.single.fn == markEmptyFunction {
			// 0 -> 1 probes
			s.table.Write(k)
			entry.single = p
			entry.refcount = 1
			entry.flags.setFlag(k, ptype, false)
			return nil, nil
		}
		// 1 -> 2 probes
		old, cs = nil, []closure{entry.single}
	} else {
		// (N -> N+1), (N != 0, 1) probes
		cs = old.copyProbes(k)
		if slices.Contains(cs, p) {
			return nil, sim.EBUSY
		}
	}
	cs = append(without(cs, p), p)
	multi, err := newProbeArray(k, entry.name+".multi", cs)
	if err != nil {
		return nil, err
	}
	s.table.Write(k)
	entry.refcount = len(cs)
	entry.multi = multi
	entry.flags.setFlag(k, ptype, true)
	return old, nil
}

// markerEntryRemoveProbe is marker_entry_remove_probe(): it returns the array to free,
// which may be an error. Caller holds markers_mutex.
func (s *severalProbes) markerEntryRemoveProbe(k *sim.K, entry *markerEntry, p closure) *probeArray {
	s.table.Read(k)
	old := entry.multi
	if !entry.flags.getFlag(k, ptype) {
		// 0 -> N is an error
		k.WarnOn(entry.single.fn == markEmptyFunction, "a probe is removed, and there is none")
		// 1 -> 0 probes
		k.WarnOn(entry.single != p, "a probe is removed, and there is another one")
		s.table.Write(k)
		entry.single.fn = markEmptyFunction
		entry.refcount = 0
		entry.flags.setFlag(k, ptype, false)
		return nil
	}
	// (N -> M), (N > 1, M >= 0) probes
	rest := without(old.copyProbes(k), p)
	switch len(rest) {
	case 0:
		// N -> 0, (N > 1)
		s.table.Write(k)
		entry.single.fn = markEmptyFunction
		entry.refcount = 0
		entry.flags.setFlag(k, ptype, false)
	case 1:
		// N -> 1, (N > 1)
		s.table.Write(k)
		entry.single = rest[0]
		entry.refcount = 1
		entry.flags.setFlag(k, ptype, false)
	default:
		// N -> M, (N > 1, M > 1)
		multi, err := newProbeArray(k, entry.name+".multi", rest)
		if err != nil && s.removesInPlace {
			old.overwriteProbe(k, p)
			return nil
		}
		if err != nil {
			return errNoMemory
		}
		s.table.Write(k)
		entry.refcount = len(rest)
		entry.flags.setFlag(k, ptype, true)
		entry.multi = multi
	}
	return old
}

// getMarker is get_marker(): the entry of that name, nil if there is none. Caller
// holds markers_mutex.
func (s *severalProbes) getMarker(k *sim.K, name string) *markerEntry {
	s.table.Read(k)
	for _, e := range s.entries {
		if e.name == name {
			return e
		}
	}
	return nil
}

// addMarker is add_marker(). Caller holds markers_mutex.
func (s *severalProbes) addMarker(k *sim.K, name, format string) (*markerEntry, error) {
	e := &markerEntry{name: name, format: format}
	if err := k.Kzalloc(&e.Life, "marker_entry "+name, sim.GFPKernel); err != nil {
		return nil, err
	}
	e.single.fn = markEmptyFunction
	e.rcu.Init(k, "entry->rcu")
	e.rcu.In(&e.Life)
	e.oldptr.Init(k, "entry->oldptr", nil)
	e.oldptr.In(&e.Life)
	e.flags.init(k, s.plainInts, &e.Life)
	s.table.Write(k)
	s.entries = append(s.entries, e)
	return e, nil
}

// removeMarker is remove_marker(). Caller holds markers_mutex.
func (s *severalProbes) removeMarker(k *sim.K, name string) error {
	e := s.getMarker(k, name)
	if e == nil {
		return sim.ENOENT
	}
	if e.single.fn != markEmptyFunction {
		return sim.EBUSY
	}
	s.table.Write(k)
	s.entries = slices.DeleteFunc(s.entries, func(x *markerEntry) bool { return x == e })
	// "Make sure the call_rcu has been executed"
	s.waitForCallback(k, e)
	k.Kfree(&e.Life)
	return nil
}
