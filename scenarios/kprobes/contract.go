package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/contract"
	"trapline/sim"
)

// What a design for probes on the kernel owes it besides what package contract has. Each
// is checked in every execution. A hit that is counted as missed, because a handler was
// running, is as good as one that calls the handlers.
var (
	// UnknownTrap is a breakpoint that nobody answers for: the kernel dies.
	UnknownTrap = sim.Kind{Name: "unknown-int3", Class: "int3: 0000 [#1]"}
	// InvalidOpcode is a CPU that executes what is no instruction.
	InvalidOpcode = sim.Kind{Name: "invalid-opcode", Class: "invalid opcode: 0000 [#1]"}
	// StackOverflow is an exception that interrupts itself for ever.
	StackOverflow = sim.Kind{Name: "stack-overflow", Class: "BUG: IRQ stack guard page was hit"}
	// UserAccess is a handler that could access user space as if it were its own.
	UserAccess = sim.Kind{Name: "user-access", Class: "BUG: handler called with user access open"}
	// WrongState is a register of the CPU that a probe has changed for good.
	WrongState = sim.Kind{Name: "wrong-state", Class: "BUG: state of the CPU not restored"}
	// WrongBranch is a static key with a user, and without its code.
	WrongBranch = sim.Kind{Name: "wrong-branch", Class: "BUG: static key enabled and its code is not"}
	// StaleText is an instruction that a CPU executes though it has written another.
	StaleText = sim.Kind{Name: "stale-text", Class: "BUG: instruction executed that is not there"}
	// StrayFilter is an address that ftrace is to call us for, without a probe.
	StrayFilter = sim.Kind{Name: "stray-filter", Class: "BUG: function still traced"}
	// WrongText is a breakpoint that is left without probes.
	WrongText = sim.Kind{Name: "wrong-text", Class: "BUG: kernel text corrupted"}
)

// Probe is a probe with what its contract needs to know.
type Probe struct {
	w  *World
	kp *kprobes.Kprobe
	// rp, fp and jp are what kp is a part of, if it is.
	rp *kprobes.Kretprobe
	fp *kprobes.Fprobe
	jp *kprobes.Jprobe
	// always says that nothing excuses a miss.
	always bool

	// state orders registrations and executions: it changes when register and
	// unregister are called and when they return.
	state      sim.Object
	registered bool
	active     bool // and switched on
	gone       bool
	epoch      int   // counts registrations
	hits       []int // by task
	calls      func(k *sim.K)
}

var _ = sim.Plumbing("begin_runs", "end_runs", "called")

var (
	opRegister   = sim.NewOp("register_kprobe(%s) is called")
	opRegistered = sim.NewOp("register_kprobe(%s) returns")
	opUnregister = sim.NewOp("unregister_kprobe(%s) is called")
	opGone       = sim.NewOp("unregister_kprobe(%s) returns")
	opHandler    = sim.NewOp("pre_handler(%s)")
	opPost       = sim.NewOp("post_handler(%s)")
	opExecute    = sim.NewOp("comes to %s")
	opExecuted   = sim.NewOp("is past %s")
)

// Probe is a probe on the instruction at an address.
func (w *World) Probe(name string, a kprobes.Addr) *Probe {
	p := w.add(&Probe{kp: &kprobes.Kprobe{}}, name, a)
	p.kp.PreHandler = p.preHandler
	return p
}

// ReturnProbe is a probe on the return of the function at an address.
func (w *World) ReturnProbe(name string, a kprobes.Addr) *Probe {
	rp := &kprobes.Kretprobe{}
	p := w.add(&Probe{kp: &rp.Kprobe, rp: rp}, name, a)
	rp.Handler = p.preHandler
	return p
}

// ExitProbe is the same by way of ftrace.
func (w *World) ExitProbe(name string, a kprobes.Addr) *Probe {
	fp := &kprobes.Fprobe{}
	p := w.add(&Probe{kp: &fp.Kprobe, fp: fp}, name, a)
	fp.Handler = p.preHandler
	return p
}

// EntryProbe is a jprobe on the function at an address.
func (w *World) EntryProbe(name string, a kprobes.Addr) *Probe {
	jp := &kprobes.Jprobe{}
	p := w.add(&Probe{kp: &jp.Kprobe, jp: jp}, name, a)
	jp.Entry = p.preHandler
	return p
}

func (w *World) add(p *Probe, name string, a kprobes.Addr) *Probe {
	p.w = w
	w.K.Born(&p.kp.Life, name)
	kprobes.InitKprobe(w.K, p.kp, name, a)
	p.state.Init(w.K, name)
	w.probes = append(w.probes, p)
	return p
}

// Disabled has the probe registered without being armed.
func (p *Probe) Disabled() *Probe {
	p.kp.Disabled = true
	return p
}

// Always says that nothing is there that would excuse a miss.
func (p *Probe) Always() *Probe {
	p.always = true
	return p
}

// WithPostHandler gives the probe a post_handler.
func (p *Probe) WithPostHandler() *Probe {
	p.kp.PostHandler = p.postHandler
	return p
}

// Calling has the handler call something.
func (p *Probe) Calling(f func(k *sim.K)) *Probe {
	p.calls = f
	return p
}

// Register registers the probe. It fails only if the design does.
func (w *World) Register(k *sim.K, p *Probe) error {
	k.Step(opRegister, &p.state, sim.Write)
	p.gone = false
	if err := w.registerWith(k, p); err != nil {
		return err
	}
	k.Step(opRegistered, &p.state, sim.Write)
	p.registered, p.active = true, !p.kp.Disabled
	p.epoch++
	return nil
}

func (w *World) registerWith(k *sim.K, p *Probe) error {
	switch {
	case p.fp != nil:
		return w.Scheme.(kprobes.ExitProber).RegisterFprobe(k, p.fp)
	case p.jp != nil:
		return w.Scheme.(kprobes.JumpProber).RegisterJprobe(k, p.jp)
	case p.rp != nil:
		return w.Scheme.(kprobes.ReturnProber).RegisterKretprobe(k, p.rp)
	}
	return w.Scheme.RegisterKprobe(k, p.kp)
}

func (w *World) unregisterWith(k *sim.K, p *Probe) {
	switch {
	case p.fp != nil:
		w.Scheme.(kprobes.ExitProber).UnregisterFprobe(k, p.fp)
	case p.jp != nil:
		w.Scheme.(kprobes.JumpProber).UnregisterJprobe(k, p.jp)
	case p.rp != nil:
		w.Scheme.(kprobes.ReturnProber).UnregisterKretprobe(k, p.rp)
	default:
		w.Scheme.UnregisterKprobe(k, p.kp)
	}
}

var _ = sim.Plumbing("register_with", "unregister_with")

// Enable and Disable switch a registered probe on and off.
func (w *World) Enable(k *sim.K, p *Probe) {
	must(k, w.Scheme.(kprobes.Switch).EnableKprobe(k, p.kp))
	k.Step(opRegistered, &p.state, sim.Write)
	p.active = true
	p.epoch++
}

// Disable is the other half of Enable.
func (w *World) Disable(k *sim.K, p *Probe) {
	k.Step(opUnregister, &p.state, sim.Write)
	p.active = false
	must(k, w.Scheme.(kprobes.Switch).DisableKprobe(k, p.kp))
}

// Unregister takes the probe away, and its user frees it.
func (w *World) Unregister(k *sim.K, p *Probe) {
	k.Step(opUnregister, &p.state, sim.Write)
	p.registered, p.active = false, false
	w.unregisterWith(k, p)
	k.Step(opGone, &p.state, sim.Write)
	p.gone = true
	k.Kfree(&p.kp.Life)
}

// UnregisterAll takes probes away at once, and their user frees them.
func (w *World) UnregisterAll(k *sim.K, ps ...*Probe) {
	var all []*kprobes.Kprobe
	for _, p := range ps {
		k.Step(opUnregister, &p.state, sim.Write)
		p.registered, p.active = false, false
		all = append(all, p.kp)
	}
	w.Scheme.(kprobes.BatchUnregisterer).UnregisterKprobes(k, all...)
	for _, p := range ps {
		k.Step(opGone, &p.state, sim.Write)
		p.gone = true
		k.Kfree(&p.kp.Life)
	}
}

func (p *Probe) preHandler(k *sim.K) {
	p.called(k, opHandler)
	*p.hitsOf(k)++
	if p.calls != nil {
		p.calls(k)
	}
}

func (p *Probe) postHandler(k *sim.K) { p.called(k, opPost) }

func (p *Probe) called(k *sim.K, op sim.Op) {
	k.Step(op, &p.state, sim.Read)
	if p.w.task(k).user {
		k.Fail(&sim.Violation{Kind: UserAccess, Subject: p.state.Name()})
	}
	contract.MustNotBeGone(k, p.state.Name(), p.gone)
}

// hitsOf counts the hits of one task, who alone uses it.
func (p *Probe) hitsOf(k *sim.K) *int {
	for int(k.ID()) >= len(p.hits) {
		p.hits = append(p.hits, 0)
	}
	return &p.hits[k.ID()]
}

// run is one execution of a probed instruction.
type run struct {
	p     *Probe
	must  bool // the probe was active when it began
	epoch int
	hits  int
}

func (w *World) beginRuns(k *sim.K, a kprobes.Addr) []run {
	var runs []run
	for _, p := range w.probes {
		if p.kp.Addr == a {
			k.Step(opExecute, &p.state, sim.Read)
			runs = append(runs, run{p, p.active, p.epoch, p.seen(k)})
		}
	}
	return runs
}

// seen is how often the probe was told of, or counted, an execution of the task.
func (p *Probe) seen(k *sim.K) int {
	if p.always {
		return *p.hitsOf(k)
	}
	return *p.hitsOf(k) + p.kp.Nmissed(k)
}

func (w *World) endRuns(k *sim.K, runs []run) {
	for _, r := range runs {
		p := r.p
		k.Step(opExecuted, &p.state, sim.Read)
		contract.MustHaveHit(k, p.state.Name(), p.seen(k)-r.hits, r.must && p.active && p.epoch == r.epoch)
	}
}

// must is for what cannot fail, unless the design or the scenario is wrong.
func must(k *sim.K, err error) { contract.MustSucceed(k, err) }
