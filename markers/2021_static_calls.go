package markers

import (
	"slices"

	"trapline/probes"
	"trapline/sim"
)

// StaticCalls2021 is what tracepoints do today: it has a rule for each transition between
// no probe, one, two and more, and waits for readers only if none of the time before has
// been waited for since.
var StaticCalls2021 = add(Design{
	Design: probes.Design{
		Name:  "2021-static-calls",
		Title: "tracepoints that call their only probe directly, with a rule for each transition",
		From:  `Linux 5.14, kernel/tracepoint.c, 352384d5c84e, f7ec41212563, 231264d6927f, 7b40066c97ec, befe6d946551, c8b186a8d54d: Mathieu Desnoyers, Steven Rostedt, Alexey Kardashevskiy`,
		Order: []string{"tracepoints_mutex"},
	},
	Consolidated: true,
	New:          func(k *sim.K) Scheme { return newTransitions(k) },
})

func newTransitions(k *sim.K) *transitions {
	s := &transitions{staticCalls: newStaticCalls(k, &staticCalls{}), release: callRCUFree, wait: (*sim.K).CondSynchronizeRCU}
	s.snapshots.Init(k, "tp_transition_snapshot")
	return s
}

// transitions differs in how probes come and go, and in the iterator.
type transitions struct {
	*staticCalls
	snapshots sim.Data // protected by tracepoints_mutex
	snapshot  [2]snapshot

	release func(k *sim.K, old *probeArray) // release_probes()
	wait    func(k *sim.K, state int)       // for readers since a snapshot
}

// snapshot is struct tp_transition_snapshot: a state of RCU that has to be over before
// a call is made direct.
type snapshot struct {
	rcu     int
	ongoing bool
}

// transition is enum tp_transition_sync: what a snapshot is for.
type transition int

const (
	sync101 transition = iota // TP_TRANSITION_SYNC_1_0_1
	syncN21                   // TP_TRANSITION_SYNC_N_2_1
)

// tpRcuGetState is tp_rcu_get_state().
func (s *transitions) tpRcuGetState(k *sim.K, t transition) {
	s.snapshots.Write(k)
	s.snapshot[t] = snapshot{k.GetStateSynchronizeRCU(), true}
}

// tpRcuCondSync is tp_rcu_cond_sync().
func (s *transitions) tpRcuCondSync(k *sim.K, t transition) {
	s.snapshots.Read(k)
	if !s.snapshot[t].ongoing {
		return
	}
	s.wait(k, s.snapshot[t].rcu)
	s.snapshots.Write(k)
	s.snapshot[t].ongoing = false
}

// NewMarker makes a caller of a tracepoint, and the tracepoint with the first of them.
func (s *transitions) NewMarker(k *sim.K, name, _ string, mod *sim.Module) Marker {
	return s.newTracepoint(k, name, mod, s.traceiter)
}

// traceiter is the iterator. "Both iterator and static call handle NULL tp->funcs".
func (s *transitions) traceiter(k *sim.K, tp *tracepoint) {
	if itFuncPtr := tp.funcs.DereferenceRaw(k); itFuncPtr != nil {
		itFuncPtr.callProbes(k)
	}
}

// tracepointAddFunc is tracepoint_add_func(). Caller holds tracepoints_mutex.
func (s *transitions) tracepointAddFunc(k *sim.K, tp *tracepoint, p closure) error {
	old := tp.funcs.DereferenceProtected(k, k.LockdepIsHeld(&s.mutex))
	was := old.copyProbes(k)
	cs, err := funcAdd(slices.Clone(was), p)
	if err != nil {
		return err
	}
	tpFuncs, err := newProbeArray(k, tp.name+".funcs", cs)
	if err != nil {
		return err
	}
	switch len(cs) {
	case 1: // 0 -> 1
		// "Make sure new static func never uses old data after a 1->0->1
		// transition sequence."
		s.tpRcuCondSync(k, sync101)
		s.tracepointUpdateCall(k, tp, cs, false)
		tp.funcs.Assign(k, tpFuncs)
		tp.key.enable(k)
	default: // 1 -> 2, N -> N+1
		if len(cs) == 2 {
			// "Iterator callback installed before updating tp->funcs."
			s.tracepointUpdateCall(k, tp, cs, false)
		}
		tp.funcs.Assign(k, tpFuncs)
		// "Make sure static func never uses incorrect data after a
		// N->...->2->1 (N>1) transition sequence."
		if len(was) > 0 && cs[0].private != was[0].private {
			s.tpRcuGetState(k, syncN21)
		}
	}
	s.release(k, old)
	return nil
}

// tracepointRemoveFunc is tracepoint_remove_func(). Caller holds tracepoints_mutex.
func (s *transitions) tracepointRemoveFunc(k *sim.K, tp *tracepoint, p closure) error {
	old := tp.funcs.DereferenceProtected(k, k.LockdepIsHeld(&s.mutex))
	was := old.copyProbes(k)
	if !slices.Contains(was, p) {
		return sim.ENOENT
	}
	cs := without(slices.Clone(was), p)
	if len(cs) == 0 { // 1 -> 0
		tp.key.disable(k)
		s.tracepointUpdateCall(k, tp, cs, false)
		tp.funcs.Assign(k, nil)
		s.tpRcuGetState(k, sync101)
		s.release(k, old)
		return nil
	}
	tpFuncs, err := newProbeArray(k, tp.name+".funcs", cs)
	if err != nil {
		// "Failed allocating new tp_funcs, replaced func with stub"
		old.overwriteProbe(k, p)
		return nil //nolint:nilerr // a removal cannot fail
	}
	tp.funcs.Assign(k, tpFuncs)
	if cs[0].private != was[0].private {
		s.tpRcuGetState(k, syncN21)
	}
	if len(cs) == 1 { // 2 -> 1
		s.tpRcuCondSync(k, syncN21)
		s.tracepointUpdateCall(k, tp, cs, false)
	}
	s.release(k, old)
	return nil
}

// RegisterProbe is tracepoint_probe_register_prio().
func (s *transitions) RegisterProbe(k *sim.K, name, _ string, p *Probe) error {
	return s.withTracepoint(k, name, p, s.tracepointAddFunc)
}

// UnregisterProbe is tracepoint_probe_unregister().
func (s *transitions) UnregisterProbe(k *sim.K, name string, p *Probe) error {
	return s.withTracepoint(k, name, p, s.tracepointRemoveFunc)
}
