package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/sim"
)

// The instructions of the kernel that are probed.
const (
	doFork kprobes.Addr = iota
	doExit
	handlerText // a function that handlers call
)

// World is what the tasks of a scenario act on: a kernel with a design at work on it.
type World struct {
	// M is the machine, K the handle of its setup.
	M *sim.Machine
	K *sim.K
	// Scheme is the design, Text what it probes.
	Scheme kprobes.Scheme
	Text   *kprobes.Text
	// InterruptsOn makes the exceptions leave interrupts on, as traps do that do
	// not go through an interrupt gate.
	InterruptsOn bool

	probes []*Probe
}

func newWorld(m *sim.Machine, d *kprobes.Design) *World {
	m.ClaimOrder(d.Order)
	w := &World{M: m, K: m.Setup()}
	w.Text = kprobes.NewText(w.K, "do_fork", "do_exit", "notify")
	w.Scheme = d.New(w.K, w.Text)
	m.After(w.quiet)
	return w
}

// Execute runs the instruction at an address once, on the CPU of the task, and holds
// the design to its contract for all probes there.
func (w *World) Execute(k *sim.K, a kprobes.Addr) {
	runs := w.beginRuns(k, a)
	for !w.execute(k, a) {
	}
	w.endRuns(k, runs)
}

// execute is one try: whether the instruction has been executed.
func (w *World) execute(k *sim.K, a kprobes.Addr) bool {
	if !w.Text.Fetch(k, a) {
		return true
	}
	return w.doInt3(k, a)
}

// doInt3 is the int3 exception and, if a probe is found, the debug exception behind
// the stepped instruction, all with interrupts off. It says whether the instruction
// has been executed.
func (w *World) doInt3(k *sim.K, a kprobes.Addr) bool {
	if k.Tracing() {
		k.Event("trap", "int3 in %s", w.Text.Name(a))
	}
	if !w.InterruptsOn {
		flags := k.LocalIRQSave()
		defer k.LocalIRQRestore(flags)
	}
	trap, slot := w.Scheme.KprobeHandler(k, a)
	switch trap {
	case kprobes.NotOurs:
		k.Fail(&sim.Violation{Kind: UnknownTrap, Subject: "the breakpoint in " + w.Text.Name(a) + ", which no probe answers for"})
	case kprobes.Restart:
		return false
	}
	if got := slot.Step(k); got != a {
		k.Fail(&sim.Violation{Kind: WrongOriginal, Subject: "the copy of " + w.Text.Name(got) + " in place of " + w.Text.Name(a)})
	}
	w.Scheme.PostKprobeHandler(k)
	return true
}

// quiet is the end of every scenario: the text is that of the kernel again if all
// probes are gone. Memory that is left is a leak, which the machine sees.
func (w *World) quiet(k *sim.K) {
	for _, p := range w.probes {
		if p.active {
			w.Unregister(k, p)
		}
		if p.kp.Life.Alive() {
			k.Kfree(&p.kp.Life)
		}
	}
	if a, any := w.Text.Armed(); any {
		k.Fail(&sim.Violation{Kind: WrongText, Subject: w.Text.Name(a) + " still has a breakpoint"})
	}
}
