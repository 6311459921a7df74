package markers

import (
	"trapline/probes"
	"trapline/sim"
)

// SeveralProbesRepaired is the patch with what the review asked for, and what it did not
// see: an operation holds the mutexes from the change to the callback, so that two of
// them are never within one grace period; the flags are ints; readers are waited for by
// the flavour of RCU that they are readers of; and a removal needs no memory. The
// barrier between ptype and multi is the one of 2.6.28.
var SeveralProbesRepaired = add(Design{
	Design: probes.Design{
		Name:  "2007-several-probes-repaired",
		Title: "several probes, repaired: one operation at a time from the change to the callback",
		From:  "the posted patch, repaired here",
		Order: []string{"module_mutex", "markers_mutex"},
	},
	New: func(k *sim.K) Scheme { return newSeveralProbesRepaired(k, noBarrier) },
})

// severalProbesRepaired differs from the posted design in how an operation goes about.
type severalProbesRepaired struct{ *severalProbes }

func newSeveralProbesRepaired(k *sim.K, dropped barrier) *severalProbesRepaired {
	return &severalProbesRepaired{newSeveralProbes(k, &severalProbes{
		callRCUSched: true, plainInts: true, removesInPlace: true, rmbBeforeMulti: true, storeRelease: true, dropped: dropped,
	})}
}

// RegisterProbe is marker_probe_register().
func (s *severalProbesRepaired) RegisterProbe(k *sim.K, name, format string, p *Probe) error {
	return s.markerProbeRegister(k, name, format, p)
}

func (s *severalProbesRepaired) markerProbeRegister(k *sim.K, name, format string, p *Probe) (err error) {
	k.MutexLock(&s.modules.mutex)
	defer k.MutexUnlock(&s.modules.mutex)
	k.MutexLock(&s.markersMutex)
	defer k.MutexUnlock(&s.markersMutex)
	entry := s.getMarker(k, name)
	if entry == nil {
		if entry, err = s.addMarker(k, name, format); err != nil {
			return err
		}
	}
	s.waitForCallback(k, entry)
	old, err := s.markerEntryAddProbe(k, entry, closure{fn: p.Func, private: p.Private})
	if err != nil {
		_ = s.removeMarker(k, name) // it was made for nothing, or is busy
		return err
	}
	s.markerUpdateProbes(k)
	s.freeLater(k, entry, old)
	return nil
}

// markerUpdateProbes is marker_update_probes(). Caller holds both mutexes.
func (s *severalProbesRepaired) markerUpdateProbes(k *sim.K) {
	s.updateRange(k, s.core)
	s.modules.each(k, s.updateRange)
}

// UnregisterProbe is marker_probe_unregister().
func (s *severalProbesRepaired) UnregisterProbe(k *sim.K, name string, p *Probe) error {
	return s.markerProbeUnregister(k, name, p)
}

func (s *severalProbesRepaired) markerProbeUnregister(k *sim.K, name string, p *Probe) error {
	k.MutexLock(&s.modules.mutex)
	defer k.MutexUnlock(&s.modules.mutex)
	k.MutexLock(&s.markersMutex)
	defer k.MutexUnlock(&s.markersMutex)
	entry := s.getMarker(k, name)
	if entry == nil {
		return sim.ENOENT
	}
	s.waitForCallback(k, entry)
	old := s.markerEntryRemoveProbe(k, entry, closure{fn: p.Func, private: p.Private})
	s.markerUpdateProbes(k)
	s.freeLater(k, entry, old)
	_ = s.removeMarker(k, name) // busy as long as there is a probe
	return nil
}
