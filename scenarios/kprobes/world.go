package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/contract"
	"trapline/sim"
)

// The instructions of the kernel that are probed.
const (
	doFork kprobes.Addr = iota
	doExit
	handlerText // a function that handlers call
	vfsRead     // an instruction of one byte: a jump here covers the next one, too
	vfsReadNext
	schedule    // has a call of ftrace
	exitCode    // what the end of a task runs through
	doInt3      // the handler of breakpoints
	moduleText  // belongs to a module, and has a call of ftrace
	moduleOther // belongs to it, and must not be probed
	trampoline  // belongs to a BPF program
	nowhere     // is not there
	initText    // is freed when the kernel has started
	keyLabel    // is the jump label of a static key
	nops        // two short nops, that one and the next
	nopsNext
	wide // three instructions, of which any two can be covered by a jump
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
	// TrapText makes the exception run through its own instructions.
	TrapText bool
	// Faults makes the copy of an instruction fault when it is first stepped.
	Faults bool

	// AtRest is called when all tasks have ended, before the checks.
	AtRest func(k *sim.K)

	patched bool // somebody else patches the text as well
	probes  []*Probe
	tasks   []*task
}

// task is what a task's CPU is about.
type task struct {
	user     bool // may access user space
	branches bool // traps at branches
	traps    int  // it is in
}

func newWorld(m *sim.Machine, d *kprobes.Design, late, synced bool) *World {
	m.ClaimOrder(d.Order)
	w := &World{M: m, K: m.Setup()}
	w.Text = kprobes.NewText(w.K, "do_fork", "do_exit", "notify", "vfs_read", "vfs_read+1", "schedule",
		"recycle_rp_inst", "do_int3", "module_function", "module_other", "bpf_prog", "nowhere", "setup_arch", "static_branch", "nops", "nops+1", "tcp_send", "tcp_send+1", "tcp_send+2")
	w.Text.Jumpable(vfsRead)
	w.Text.Jumpable(nops)
	w.Text.Jumpable(wide)
	w.Text.Jumpable(wide + 1)
	w.Text.Traced(schedule)
	w.Text.Traced(moduleText)
	w.Text.NoKprobe(doInt3)
	w.Text.Unmapped(nowhere)
	w.Text.Run, w.Text.Flushed = w.Execute, exitCode
	w.Text.Label = keyLabel
	w.Text.User = func(k *sim.K) *bool { return &w.task(k).user }
	w.Text.Branches = func(k *sim.K) *bool { return &w.task(k).branches }
	if late {
		w.Text.SeenLate()
	}
	if synced {
		w.Text.SyncInterrupts()
	}
	w.Scheme = d.New(w.K, w.Text)
	m.After(w.quiet)
	return w
}

// Go adds a task, on a CPU of its own.
func (w *World) Go(name string, f func(k *sim.K)) {
	w.Text.AddCPU(w.K, w.M.Go(name, f), name)
}

func (w *World) task(k *sim.K) *task {
	for int(k.ID()) >= len(w.tasks) {
		w.tasks = append(w.tasks, &task{})
	}
	return w.tasks[k.ID()]
}

// Execute runs the instruction at an address once, on the CPU of the task, and holds
// the design to its contract for all probes there. That of [vfsRead] goes on to the
// next one.
func (w *World) Execute(k *sim.K, a kprobes.Addr) {
	runs := w.beginRuns(k, a)
	how := w.runText(k, a)
	w.endRuns(k, runs)
	if a == vfsRead && how != detoured {
		w.Execute(k, vfsReadNext)
	}
}

// ExecuteWide runs the three instructions from [wide] on, and asks only that each is one.
func (w *World) ExecuteWide(k *sim.K) {
	for a := wide; a <= wide+2; a++ {
		if w.runText(k, a) == detoured {
			a++
		}
	}
}

// way is how far a CPU got.
type way int

const (
	again way = iota // it has to try again
	executed
	detoured // the instruction and the next one are executed
)

// runText executes the instruction at an address.
func (w *World) runText(k *sim.K, a kprobes.Addr) way {
	for {
		if how := w.execute(k, a); how != again {
			return how
		}
	}
}

// Call calls the function at an address, which does something and returns.
func (w *World) Call(k *sim.K, a kprobes.Addr, body func(k *sim.K)) {
	runs := w.beginRuns(k, a)
	d, ok := w.Scheme.(kprobes.ReturnProber)
	if !ok {
		panic("scenarios/kprobes: the design knows no returns")
	}
	outer := d.Hijacked(k)
	w.runText(k, a)
	body(k)
	for d.Hijacked(k) > outer {
		d.TrampolineHandler(k)
	}
	w.endRuns(k, runs)
}

// execute is one try.
func (w *World) execute(k *sim.K, a kprobes.Addr) way {
	switch w.Text.Fetch(k, a) {
	case kprobes.Int3:
		return w.doInt3(k, a)
	case kprobes.Jump:
		w.Scheme.(kprobes.Optimizer).JumpedTo(k, a)
		return detoured
	case kprobes.Call:
		w.Scheme.(kprobes.Tracer).KprobeFtraceHandler(k, a)
	case kprobes.Garbage:
		k.Fail(&sim.Violation{Kind: InvalidOpcode, Subject: w.Text.Name(a) + " is executed, and there is the operand of a jump"})
	}
	return executed
}

// deepest is how often an exception may interrupt itself before its stack is full.
const deepest = 4

// doInt3 is the int3 exception and, if a probe is found, the debug exception behind
// the stepped instruction, all with interrupts off.
func (w *World) doInt3(k *sim.K, a kprobes.Addr) way {
	if k.Tracing() {
		k.Event("trap", "int3 in %s", w.Text.Name(a))
	}
	t := w.task(k)
	user := t.user
	t.user = false // clac, at the entry
	if !w.InterruptsOn {
		flags := k.LocalIRQSave()
		defer k.LocalIRQRestore(flags)
	}
	if w.TrapText {
		if t.traps++; t.traps == deepest {
			k.Fail(&sim.Violation{Kind: StackOverflow, Subject: "int3 in the handler of int3"})
		}
		w.runText(k, doInt3)
		t.traps--
	}
	how := executed
	if !w.patched || !w.Scheme.(kprobes.Patcher).PokeInt3Handler(k, a) {
		how = w.handleInt3(k, a)
	}
	w.Text.Iret(k)
	t.user = user
	return how
}

func (w *World) handleInt3(k *sim.K, a kprobes.Addr) way {
	trap, slot := w.Scheme.KprobeHandler(k, a)
	switch trap {
	case kprobes.NotOurs:
		k.Fail(&sim.Violation{Kind: UnknownTrap, Subject: "the breakpoint in " + w.Text.Name(a) + ", which no probe answers for"})
	case kprobes.Restart:
		return again
	case kprobes.Detour:
		return detoured
	case kprobes.Entered:
		slot = w.runEntry(k)
	}
	if w.Faults {
		w.Faults = false
		w.Scheme.(kprobes.FaultHandler).KprobeFaultHandler(k)
		return again // when the page is there
	}
	if got := slot.Step(k); got != a {
		k.Fail(&sim.Violation{Kind: contract.WrongOriginal, Subject: "the copy of " + w.Text.Instruction(got) + " in place of " + w.Text.Name(a)})
	}
	w.Scheme.PostKprobeHandler(k)
	return executed
}

var _ = sim.Plumbing("handle_int3", "run_text", "run_entry")

// runEntry runs the entry of a jprobe, which ends with jprobe_return().
func (w *World) runEntry(k *sim.K) *kprobes.Slot {
	d := w.Scheme.(kprobes.JumpProber)
	jp := d.JprobeEntry(k)
	w.Text.FunctionBegins(k, "the entry") // and never returns
	jp.Entry(k)
	slot := d.JprobeReturn(k)
	if slot == nil {
		k.Fail(&sim.Violation{Kind: UnknownTrap, Subject: "the breakpoint at the end of an entry, which no probe answers for"})
	}
	return slot
}

// Trace is a function that the function graph tracer may follow, and which does no more
// than to run through the instruction at an address.
func (w *World) Trace(k *sim.K, a kprobes.Addr) {
	followed := w.Text.FunctionBegins(k, w.Text.Name(a))
	w.Execute(k, a)
	if followed {
		w.Text.FunctionReturns(k, w.Text.Name(a))
	}
}

// UseKey is a user of the static key, who comes, relies on its code, and goes.
func (w *World) UseKey(k *sim.K) {
	d := w.Scheme.(kprobes.KeyHolder)
	d.StaticKeySlowInc(k)
	if w.Text.Fetch(k, keyLabel) != kprobes.Branch {
		k.Fail(&sim.Violation{Kind: WrongBranch, Subject: "static_branch falls through"})
	}
	d.StaticKeySlowDec(k)
}

// LoadModule loads the module that [moduleText] belongs to. It is for the setup.
func (w *World) LoadModule() *sim.Module {
	d := w.Scheme.(kprobes.AddressChecker)
	mods, mod := &sim.Modules{}, &sim.Module{}
	w.K.InitModules(mods)
	w.K.RegisterModuleNotifier(mods, func(k *sim.K, _ *sim.Module, state sim.ModuleState) error {
		switch state {
		case sim.ModuleStateComing:
			return d.ModuleComing(k, moduleText)
		case sim.ModuleStateGoing:
			d.ModuleGoing(k, moduleText)
		}
		return nil
	})
	mod.Grace = func(k *sim.K) {
		w.Text.Unlist(k, moduleText)
		k.SynchronizeRCU()
	}
	must(w.K, w.K.LoadModule(mods, mod, "module", nil, nil))
	w.Text.InModule(w.K, moduleText, mod)
	return mod
}

// quiet is the end of every scenario: the text is that of the kernel again if all
// probes are gone. Memory that is left is a leak, which the machine sees.
func (w *World) quiet(k *sim.K) {
	if w.AtRest != nil {
		w.AtRest(k)
	}
	for _, p := range w.probes {
		if p.registered {
			w.Unregister(k, p)
		}
		if p.kp.Life.Alive() {
			k.Kfree(&p.kp.Life)
		}
	}
	if d, ok := w.Scheme.(kprobes.Optimizer); ok {
		d.Finish(k)
	}
	for a := doFork; a <= keyLabel; a++ {
		if d, ok := w.Scheme.(kprobes.Tracer); ok && d.Filtered(a) {
			k.Fail(&sim.Violation{Kind: StrayFilter, Subject: w.Text.Name(a) + " is in the filter of ftrace"})
		}
	}
	if a, left := w.Text.Armed(); left {
		k.Fail(&sim.Violation{Kind: WrongText, Subject: w.Text.Name(a) + " still has a breakpoint"})
	}
}
