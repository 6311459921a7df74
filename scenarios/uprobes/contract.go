package uprobes

import (
	"fmt"

	"trapline/pagecache"
	"trapline/probes/uprobes"
	"trapline/scenarios/contract"
	"trapline/sim"
)

// What a design for probes owes the programs that it probes and the users that
// probe them, besides what package contract has. Each is checked in every execution.
var (
	// LateHandler is as in package contract.
	LateHandler = contract.LateHandler
	// StrayTrap is a breakpoint that nobody answers for: the program is killed.
	StrayTrap = sim.Kind{Name: "stray-trap", Class: "BUG: program killed by SIGTRAP"}
	// WrongOriginal is as in package contract.
	WrongOriginal = contract.WrongOriginal
	// WrongText is text in memory that is not that of the file.
	WrongText = sim.Kind{Name: "wrong-text", Class: "BUG: program text corrupted"}
	// SpuriousFault is an innocent program that gets SIGBUS or SIGSEGV.
	SpuriousFault = sim.Kind{Name: "spurious-fault", Class: "BUG: page fault on a sound file failed"}
	// SpuriousError is a system call of an innocent program that fails.
	SpuriousError = sim.Kind{Name: "spurious-error", Class: "BUG: read(2) of a sound file failed"}
)

// Probe is a probe with what its contract needs to know.
type Probe struct {
	uprobes.Probe
	w *World

	// state orders registrations and executions: it changes when register and
	// unregister are called and when they return.
	state  sim.Object
	active bool
	gone   bool
	epoch  int // counts registrations
	hits   []int
}

var _ = sim.Plumbing("end_run", "must_be_original")

var (
	opRegister   = sim.NewOp("register_uprobe(%s) is called")
	opRegistered = sim.NewOp("register_uprobe(%s) returns")
	opUnregister = sim.NewOp("unregister_uprobe(%s) is called")
	opGone       = sim.NewOp("unregister_uprobe(%s) returns")
	opHandler    = sim.NewOp("handler(%s)")
	opExecute    = sim.NewOp("executes %s")
	opExecuted   = sim.NewOp("has executed %s")
)

// Probe is a probe on the instruction of the program, in the given file, or on
// the byte that lies skip bytes behind it.
func (w *World) Probe(inode *pagecache.Inode, name string, skip int64) *Probe {
	p := &Probe{w: w}
	p.Probe = uprobes.Probe{Inode: inode, Offset: w.Image.Offset + skip, Handler: p.handler}
	p.state.Init(w.K, name)
	return p
}

// Register registers the probe. It fails only if the design does.
func (w *World) Register(k *sim.K, p *Probe) error {
	k.Step(opRegister, &p.state, sim.Write)
	p.gone = false
	if err := w.Scheme.RegisterUprobe(k, &p.Probe); err != nil {
		return err
	}
	k.Step(opRegistered, &p.state, sim.Write)
	p.active = true
	p.epoch++
	if k != w.K {
		w.left = append(w.left, p)
	}
	return nil
}

// Unregister takes the probe away.
func (w *World) Unregister(k *sim.K, p *Probe) {
	k.Step(opUnregister, &p.state, sim.Write)
	p.active = false
	w.Scheme.UnregisterUprobe(k, &p.Probe)
	k.Step(opGone, &p.state, sim.Write)
	p.gone = true
}

func (p *Probe) handler(k *sim.K) {
	k.Step(opHandler, &p.state, sim.Read)
	if p.gone {
		k.Fail(&sim.Violation{Kind: LateHandler, Subject: p.state.Name()})
	}
	*p.hitsOf(k)++
}

// hitsOf counts the hits of one task, who alone uses it.
func (p *Probe) hitsOf(k *sim.K) *int {
	for int(k.ID()) >= len(p.hits) {
		p.hits = append(p.hits, 0)
	}
	return &p.hits[k.ID()]
}

// run is one execution of the probed instruction.
type run struct {
	must  bool // the probe was active when it began
	epoch int
	hits  int
}

func (p *Probe) beginRun(k *sim.K) run {
	k.Step(opExecute, &p.state, sim.Read)
	return run{p.active, p.epoch, *p.hitsOf(k)}
}

func (p *Probe) endRun(k *sim.K, r run) {
	k.Step(opExecuted, &p.state, sim.Read)
	n := *p.hitsOf(k) - r.hits
	contract.MustHaveHit(k, p.state.Name(), n, r.must && p.active && p.epoch == r.epoch)
}

// hex is bytes as the kernel's "Code:" line shows them, with a space after each.
func hex(bs []byte) string {
	s := ""
	for _, b := range bs {
		s += fmt.Sprintf("%02x ", b)
	}
	return s
}
