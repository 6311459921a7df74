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
	// Killed is a program that probes have led to where there is nothing to execute.
	Killed = sim.Kind{Name: "killed", Class: "BUG: program killed"}
	// MiddleOfInsn is a program that executes a part of an instruction.
	MiddleOfInsn = sim.Kind{Name: "middle-of-instruction", Class: "BUG: middle of an instruction executed"}
	// WrongMemory is memory of the program that is not what it has put there.
	WrongMemory = sim.Kind{Name: "wrong-memory", Class: "BUG: program memory corrupted"}
	// WrongReturn is a handler of returns that is not called once for a function that
	// was entered after register had returned, and has returned before unregister is
	// called.
	WrongReturn = sim.Kind{Name: "wrong-return", Class: "BUG: return missed"}
	// Accepted is a system call that is for trampolines, made from elsewhere.
	Accepted = sim.Kind{Name: "call-accepted", Class: "BUG: system call of a trampoline accepted"}
	// WrongCounter is a counter of those who probe a place that is not their number.
	WrongCounter = sim.Kind{Name: "wrong-counter", Class: "BUG: wrong count of probes"}
	// WrongFrame is a signal whose handler is shown that the program was interrupted
	// where it has nothing of its own.
	WrongFrame = sim.Kind{Name: "wrong-frame", Class: "BUG: signal shows a slot"}
	// Denied is a breakpoint in a process that, as far as the design knows, has none.
	Denied = sim.Kind{Name: "breakpoint-denied", Class: "BUG: breakpoint denied"}
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
	rets   []int
}

var _ = sim.Plumbing("end_run", "end_call", "must_be_original")

var (
	opRegister   = sim.NewOp("register_uprobe(%s) is called")
	opRegistered = sim.NewOp("register_uprobe(%s) returns")
	opUnregister = sim.NewOp("unregister_uprobe(%s) is called")
	opGone       = sim.NewOp("unregister_uprobe(%s) returns")
	opHandler    = sim.NewOp("handler(%s)")
	opReturn     = sim.NewOp("ret_handler(%s)")
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
func (p *Probe) hitsOf(k *sim.K) *int { return countOf(k, &p.hits) }

// countOf is what a task counts for itself.
func countOf(k *sim.K, counts *[]int) *int {
	for int(k.ID()) >= len(*counts) {
		*counts = append(*counts, 0)
	}
	return &(*counts)[k.ID()]
}

// Returning has the user want to know of returns as well, or only of those of functions
// whose entry it has seen.
func (p *Probe) Returning(session bool) *Probe {
	p.Probe.Return, p.Session = p.retHandler, session
	return p
}

func (p *Probe) retHandler(k *sim.K) {
	k.Step(opReturn, &p.state, sim.Read)
	if p.gone {
		k.Fail(&sim.Violation{Kind: LateHandler, Subject: p.state.Name()})
	}
	*countOf(k, &p.rets)++
}

func (p *Probe) beginCall(k *sim.K) run {
	k.Step(opExecute, &p.state, sim.Read)
	return run{p.active, p.epoch, *countOf(k, &p.rets)}
}

func (p *Probe) endCall(k *sim.K, r run) {
	k.Step(opExecuted, &p.state, sim.Read)
	n := *countOf(k, &p.rets) - r.hits
	if n > 1 || n == 0 && r.must && p.active && p.epoch == r.epoch && p.Probe.Return != nil {
		k.Fail(&sim.Violation{Kind: WrongReturn, Subject: fmt.Sprintf("%s: the handler ran %d times for one return", p.state.Name(), n)})
	}
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
