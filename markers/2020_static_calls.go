package markers

import (
	"slices"

	"trapline/probes"
	"trapline/sim"
)

// StaticCalls2020 has a tracepoint with one probe call it directly: the function lies in
// the text of the caller, and its data still in the first element of the array. That is
// once more a function and its data in two words.
var StaticCalls2020 = add(Design{
	Design: probes.Design{
		Name:  "2020-static-calls",
		Title: "tracepoints that call their only probe directly, as first merged",
		From:  `Linux 5.10-rc1, kernel/tracepoint.c, d25e37d89dd2 ("tracepoint: Optimize using static_call()"), Steven Rostedt, Peter Zijlstra`,
		Order: []string{"tracepoints_mutex"},
		Fails: append([]probes.Failure{
			{
				Scenario: "first-of-two-goes",
				Title:    "BUG: probe called with the data of another in do_trace",
				Why:      "the call becomes that of the second function while a caller has the data of the first",
			},
			{
				Scenario: "ptype-before-function",
				Title:    "BUG: probe called with the data of another in do_trace",
				Why:      "the same as in first-of-two-goes",
			},
		}, staticCallsFail...),
	},
	Consolidated: true,
	New:          func(k *sim.K) Scheme { return newStaticCalls(k, &staticCalls{}) },
})

// StaticCalls2020Synced waits for readers where the first probe of two goes, and changes
// the array before the call then.
var StaticCalls2020Synced = add(Design{
	Design: probes.Design{
		Name:  "2020-static-calls-synced",
		Title: "tracepoints that call their only probe directly, and wait for readers when the first of two goes",
		From:  `Linux 5.10, kernel/tracepoint.c, 547305a64632 ("tracepoint: Fix out of sync data passing by static caller"), Steven Rostedt`,
		Order: []string{"tracepoints_mutex"},
		Fails: staticCallsFail,
	},
	Consolidated: true,
	New:          func(k *sim.K) Scheme { return newStaticCalls(k, &staticCalls{syncs: true}) },
})

// staticCallsFail is what both have in common.
var staticCallsFail = []probes.Failure{
	stillConnected,
	{
		Scenario: "lifecycle",
		Title:    "KASAN: slab-use-after-free Read in do_trace",
		Why:      "as in removal-without-memory, when the other probe has gone, and the call is made to the one whose data its user has freed",
	},
	{
		Scenario: "function-before-data",
		Title:    "BUG: probe called with the data of another in do_trace",
		Why:      "the same as in one-none-one",
	},
	{
		Scenario: "both-probes-go",
		Title:    "BUG: unable to handle kernel paging request in traceiter",
		Why:      "the iterator loads the array again, and it has gone",
	},
	{
		Scenario: "one-none-one",
		Title:    "BUG: probe called with the data of another in do_trace",
		Why:      "the caller has loaded the array, and then the call becomes that of the new function; at 1->0 it is not changed back to the iterator either",
	},
	{
		Scenario: "two-operations-in-one-grace-period",
		Title:    "BUG: probe called with the data of another in do_trace",
		Why:      "the same as in one-none-one, or as in probe-of-higher-priority without one: what the call and the array say is of two times",
	},
	{
		Scenario: "probe-of-higher-priority",
		Title:    "BUG: probe called with the data of another in do_trace",
		Why:      "the array has the new probe first while the call is still that of the old one",
	},
	{
		Scenario: "same-function-twice",
		Title:    "BUG: connected probe not called once in trace_event",
		Why:      "the functions are the same, so nobody waits for a caller who has the data of the first probe",
	},
	{
		Scenario: "three-two-one",
		Title:    "BUG: probe called with the data of another in do_trace",
		Why:      "the first data changed at 3->2, and at 2->1 nobody waits, as the first function is the same",
	},
	{
		Scenario: "removal-without-memory",
		Title:    "KASAN: slab-use-after-free Read in traceiter",
		Why:      "the error is for a user who has no use for one: the probe is still connected when its data are freed",
	},
}

type staticCalls struct {
	// syncs waits for readers before a call goes from the iterator to one function.
	syncs bool

	mutex  sim.Mutex // tracepoints_mutex
	points []*tracepoint
}

// tracepoint is struct tracepoint. All callers of a name share it.
type tracepoint struct {
	name  string
	iter  *Func // tp->iterator, which is __traceiter_NAME
	key   staticKey
	call  staticCall
	funcs sim.RCUPointer[probeArray]
}

// staticKey is a static_key, and staticCall a static_call: both are instructions in the
// text of whoever uses them. To change them is to patch the text on all CPUs, which
// have seen it when that returns.
type staticKey struct {
	text    sim.Object
	enabled bool
}

type staticCall struct {
	text sim.Object
	fn   *Func
}

var (
	opKeyEnabled   = sim.NewOp("static_key_false(&%s)")
	opKeyEnable    = sim.NewOp("static_key_enable(&%s)")
	opKeyDisable   = sim.NewOp("static_key_disable(&%s)")
	opStaticCall   = sim.NewOp("static_call(%s)")
	opStaticUpdate = sim.NewOp("__static_call_update(%s)")
)

func (key *staticKey) test(k *sim.K) bool {
	k.Step(opKeyEnabled, &key.text, sim.Read)
	if k.Tracing() {
		k.Note("= %t", key.enabled)
	}
	return key.enabled
}

func (key *staticKey) enable(k *sim.K) {
	k.Step(opKeyEnable, &key.text, sim.Write)
	key.enabled = true
}

func (key *staticKey) disable(k *sim.K) {
	k.Step(opKeyDisable, &key.text, sim.Write)
	key.enabled = false
}

func (c *staticCall) target(k *sim.K) *Func {
	k.Step(opStaticCall, &c.text, sim.Read)
	if k.Tracing() {
		k.Note("= %s", c.fn)
	}
	return c.fn
}

func (c *staticCall) update(k *sim.K, fn *Func) {
	k.Step(opStaticUpdate, &c.text, sim.Write)
	if k.Tracing() {
		k.Note("<- %s", fn)
	}
	c.fn = fn
}

func newStaticCalls(k *sim.K, s *staticCalls) *staticCalls {
	k.MutexInit(&s.mutex, "tracepoints_mutex")
	return s
}

// NewMarker makes a caller of a tracepoint, and the tracepoint with the first of them.
func (s *staticCalls) NewMarker(k *sim.K, name, _ string, mod *sim.Module) Marker {
	return s.newTracepoint(k, name, mod, s.traceiter)
}

// newTracepoint is DEFINE_TRACE(), with the iterator.
func (s *staticCalls) newTracepoint(k *sim.K, name string, mod *sim.Module, iterator func(k *sim.K, tp *tracepoint)) *tracepoint {
	if tp := s.find(name); tp != nil {
		return tp
	}
	tp := &tracepoint{name: name}
	tp.iter = &Func{Name: "__traceiter_" + name, Call: func(k *sim.K, _ *Private) { iterator(k, tp) }}
	tp.key.text.Init(k, name+".key")
	tp.call.text.Init(k, "tp_func_"+name)
	tp.call.fn = tp.iter
	tp.funcs.Init(k, name+".funcs", nil)
	if mod != nil {
		tp.key.text.In(mod.Memory())
		tp.call.text.In(mod.Memory())
		tp.funcs.In(mod.Memory())
	}
	s.points = append(s.points, tp)
	return tp
}

// find is the tracepoint of a name: in C it is a variable.
func (s *staticCalls) find(name string) *tracepoint {
	i := slices.IndexFunc(s.points, func(tp *tracepoint) bool { return tp.name == name })
	if i < 0 {
		return nil
	}
	return s.points[i]
}

// Trace is trace_NAME().
func (tp *tracepoint) Trace(k *sim.K) {
	if tp.key.test(k) {
		tp.doTrace(k)
	}
}

var _ = sim.Plumbing("do_trace_call")

// doTrace is __DO_TRACE(), with __DO_TRACE_CALL() in it: the data are those of the first
// element, for the case that the call is of one function.
func (tp *tracepoint) doTrace(k *sim.K) {
	k.PreemptDisable()
	defer k.PreemptEnable()
	tp.doTraceCall(k)
}

// doTraceCall is __DO_TRACE_CALL().
func (tp *tracepoint) doTraceCall(k *sim.K) {
	itFuncPtr := tp.funcs.DereferenceRaw(k)
	if itFuncPtr != nil {
		data := itFuncPtr.probeAt(k, 0).private
		tp.call.target(k).Call(k, data)
	}
}

// traceiter is the iterator: it loads the array again, and takes it for granted that
// there is one.
func (s *staticCalls) traceiter(k *sim.K, tp *tracepoint) {
	itFuncPtr := tp.funcs.DereferenceRaw(k)
	itFuncPtr.callProbes(k)
}

// funcAdd is func_add(): the closures with one more, before those of lower priority.
func funcAdd(cs []closure, p closure) ([]closure, error) {
	if slices.Contains(cs, p) {
		return nil, sim.EEXIST
	}
	cs = without(cs, p)
	pos := slices.IndexFunc(cs, func(c closure) bool { return c.prio < p.prio })
	if pos < 0 {
		pos = len(cs)
	}
	return slices.Insert(cs, pos, p), nil
}

// tracepointUpdateCall is tracepoint_update_call().
func (s *staticCalls) tracepointUpdateCall(k *sim.K, tp *tracepoint, cs []closure, sync bool) {
	fn := tp.iter
	if len(cs) == 1 {
		fn = cs[0].fn
		if sync {
			s.Synchronize(k)
		}
	}
	tp.call.update(k, fn)
}

// tracepointAddFunc is tracepoint_add_func(). Caller holds tracepoints_mutex.
func (s *staticCalls) tracepointAddFunc(k *sim.K, tp *tracepoint, p closure) error {
	old := tp.funcs.DereferenceProtected(k, k.LockdepIsHeld(&s.mutex))
	cs, err := funcAdd(old.copyProbes(k), p)
	if err != nil {
		return err
	}
	tpFuncs, err := newProbeArray(k, tp.name+".funcs", cs)
	if err != nil {
		return err
	}
	tp.funcs.Assign(k, tpFuncs)
	s.tracepointUpdateCall(k, tp, cs, false)
	tp.key.enable(k)
	callRCUFree(k, old)
	return nil
}

// tracepointRemoveFunc is tracepoint_remove_func(). Caller holds tracepoints_mutex.
func (s *staticCalls) tracepointRemoveFunc(k *sim.K, tp *tracepoint, p closure) error {
	old := tp.funcs.DereferenceProtected(k, k.LockdepIsHeld(&s.mutex))
	was := old.copyProbes(k)
	if !slices.Contains(was, p) {
		return sim.ENOENT
	}
	cs := without(slices.Clone(was), p)
	if len(cs) == 0 {
		// Removed last function
		tp.key.disable(k)
		tp.funcs.Assign(k, nil)
		callRCUFree(k, old)
		return nil
	}
	tpFuncs, err := newProbeArray(k, tp.name+".funcs", cs)
	if err != nil {
		return err
	}
	if s.syncs {
		tp.funcs.Assign(k, tpFuncs)
		s.tracepointUpdateCall(k, tp, cs, cs[0].fn != was[0].fn)
	} else {
		s.tracepointUpdateCall(k, tp, cs, false)
		tp.funcs.Assign(k, tpFuncs)
	}
	callRCUFree(k, old)
	return nil
}

// callRCUFree is release_probes(). The part of it for tracepoints in idle code, which
// are SRCU readers, is left out, as they are.
func callRCUFree(k *sim.K, old *probeArray) {
	if old != nil {
		k.CallRCU(&old.rcu, func(k *sim.K) { rcuFreeOldProbes(k, old) })
	}
}

// RegisterProbe is tracepoint_probe_register_prio().
func (s *staticCalls) RegisterProbe(k *sim.K, name, _ string, p *Probe) error {
	return s.withTracepoint(k, name, p, s.tracepointAddFunc)
}

// UnregisterProbe is tracepoint_probe_unregister().
func (s *staticCalls) UnregisterProbe(k *sim.K, name string, p *Probe) error {
	return s.withTracepoint(k, name, p, s.tracepointRemoveFunc)
}

// withTracepoint does something with the probe of a tracepoint, under tracepoints_mutex. A
// tracepoint that there is not would not compile.
func (s *staticCalls) withTracepoint(k *sim.K, name string, p *Probe, f func(k *sim.K, tp *tracepoint, c closure) error) error {
	tp := s.find(name)
	if tp == nil {
		return sim.ENOENT
	}
	k.MutexLock(&s.mutex)
	defer k.MutexUnlock(&s.mutex)
	return f(k, tp, closure{p.Func, p.Private, p.Prio})
}

var _ = sim.Plumbing("with_tracepoint")

// Synchronize is tracepoint_synchronize_unregister().
func (s *staticCalls) Synchronize(k *sim.K) { k.SynchronizeRCU() }

// ModuleComing does nothing: a tracepoint is found by its address.
func (s *staticCalls) ModuleComing(*sim.K, *sim.Module) {}

// ModuleGoing does nothing: whoever has a probe in the module takes it away himself.
func (s *staticCalls) ModuleGoing(*sim.K, *sim.Module) {}
