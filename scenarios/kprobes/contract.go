package kprobes

import (
	"fmt"

	"trapline/probes/kprobes"
	"trapline/sim"
)

// What a design for probes on the kernel owes it. Each is checked in every execution.
var (
	// MissedHit is an execution of the instruction that began after register had
	// returned, ended before unregister was called, and did not call the handlers
	// exactly once, nor was counted as missed because a handler was running.
	MissedHit = sim.Kind{Name: "missed-hit", Class: "BUG: probe missed"}
	// LateHandler is a handler that runs after its unregister has returned.
	LateHandler = sim.Kind{Name: "late-handler", Class: "BUG: handler called after unregister"}
	// UnknownTrap is a breakpoint that nobody answers for: the kernel dies.
	UnknownTrap = sim.Kind{Name: "unknown-int3", Class: "int3: 0000 [#1]"}
	// WrongOriginal is another instruction than that of the text, stepped.
	WrongOriginal = sim.Kind{Name: "wrong-original", Class: "BUG: wrong instruction stepped"}
	// WrongText is a breakpoint that is left without probes.
	WrongText = sim.Kind{Name: "wrong-text", Class: "BUG: kernel text corrupted"}
)

// Probe is a probe with what its contract needs to know.
type Probe struct {
	w  *World
	kp kprobes.Kprobe

	// state orders registrations and executions: it changes when register and
	// unregister are called and when they return.
	state  sim.Object
	active bool
	gone   bool
	epoch  int   // counts registrations
	hits   []int // by task
	calls  func(k *sim.K)
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
	p := &Probe{w: w}
	w.K.Born(&p.kp.Life, name)
	kprobes.InitKprobe(w.K, &p.kp, name, a)
	p.kp.PreHandler = p.preHandler
	p.state.Init(w.K, name)
	w.probes = append(w.probes, p)
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
	if err := w.Scheme.RegisterKprobe(k, &p.kp); err != nil {
		return err
	}
	k.Step(opRegistered, &p.state, sim.Write)
	p.active = true
	p.epoch++
	return nil
}

// Unregister takes the probe away, and its user frees it.
func (w *World) Unregister(k *sim.K, p *Probe) {
	k.Step(opUnregister, &p.state, sim.Write)
	p.active = false
	w.Scheme.UnregisterKprobe(k, &p.kp)
	k.Step(opGone, &p.state, sim.Write)
	p.gone = true
	k.Kfree(&p.kp.Life)
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
	if p.gone {
		k.Fail(&sim.Violation{Kind: LateHandler, Subject: p.state.Name()})
	}
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
func (p *Probe) seen(k *sim.K) int { return *p.hitsOf(k) + p.kp.Nmissed(k) }

func (w *World) endRuns(k *sim.K, runs []run) {
	for _, r := range runs {
		p := r.p
		k.Step(opExecuted, &p.state, sim.Read)
		n := p.seen(k) - r.hits
		if n > 1 || n == 0 && r.must && p.active && p.epoch == r.epoch {
			k.Fail(&sim.Violation{Kind: MissedHit, Subject: fmt.Sprintf("%s: the handler ran %d times for one execution", p.state.Name(), n)})
		}
	}
}

func must(err error) {
	if err != nil {
		panic("scenarios/kprobes: " + err.Error())
	}
}
