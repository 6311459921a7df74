// Package kprobes holds designs for probes on the instructions of the kernel, from
// the one lock of 2.6.14 on. Each design is one file that reads like the kernel's
// kernel/kprobes.c of its time, with what the processor's own code does beside it;
// this file says what they have in common.
package kprobes

import (
	"cmp"
	"slices"

	"trapline/probes"
	"trapline/sim"
)

// Trap is what a design makes of a breakpoint that a CPU has hit.
type Trap int

const (
	// NotOurs leaves the trap to the kernel, which knows nothing of it: an oops.
	NotOurs Trap = iota
	// Handled ran the handlers, if there were any to run; the copy of the
	// instruction in the slot is then single-stepped.
	Handled
	// Restart executes the instruction in the text again.
	Restart
	// Detour has executed, behind the handlers, copies of all instructions that
	// the jump of an optimised probe covers.
	Detour
	// Entered has the CPU go on in the entry of a jprobe.
	Entered
)

// Features are what a design can be asked about.
type Features uint

// The features. Each names the interface that a design with it has beside [Scheme],
// if there is one.
const (
	// Breakpoints is about what every kprobe is: an int3, a table, managers.
	Breakpoints Features = 1 << iota
	// Jumps is about probes that become a jump: [Optimizer].
	Jumps
	// Tracing is about probes where ftrace has its calls: [Tracer].
	Tracing
	// Switching is about probes that are switched off and on: [Switch].
	Switching
	// Returns is about the returns of functions: [ReturnProber].
	Returns
	// Repeats is about a kretprobe that is registered twice, which is refused since 2.6.32.
	Repeats
	// Exits is about the ftrace-based fprobe, which has returns as well: [ExitProber].
	Exits
	// Addresses is about where a probe may lie, and modules that come and go:
	// [AddressChecker].
	Addresses
	// Faults is about an instruction that faults while it is stepped: [FaultHandler].
	Faults
	// Keys is about static keys, whose code is patched as that of probes is:
	// [KeyHolder].
	Keys
	// Patching is about text that is patched while it may be executed: [Patcher].
	Patching
	// EarlyPatching is about text that is written in place: [EarlyPatcher].
	EarlyPatching
	// Borrowing is about the page tables through which text is written: [MmBorrower].
	Borrowing
	// Calls is about static calls in modules: [CallHolder].
	Calls
	// Entries is about jprobes: [JumpProber].
	Entries
	// Graphs is about jprobes in kernels with the function graph tracer.
	Graphs
	// Batches is about several probes that go at once: [BatchUnregisterer].
	Batches
)

// Scheme is one design at work. Tasks that register and unregister may sleep and
// hold no lock. The two handlers are called by the exceptions, on the CPU of the task
// that executes the instruction, one after the other.
type Scheme interface {
	// RegisterKprobe arms a probe. Once it has returned nil, every execution of the
	// instruction calls the handlers.
	RegisterKprobe(k *sim.K, p *Kprobe) error
	// UnregisterKprobe disarms it. Once it has returned, no handler of the probe is
	// called or running, and its memory may be freed.
	UnregisterKprobe(k *sim.K, p *Kprobe)
	// KprobeHandler is the int3 exception. With Handled, slot holds what the CPU
	// steps instead.
	KprobeHandler(k *sim.K, addr Addr) (trap Trap, slot *Slot)
	// PostKprobeHandler is the debug exception at the end of the step.
	PostKprobeHandler(k *sim.K)
}

// Design is an entry of the catalogue of designs.
type Design struct {
	probes.Design
	// Has is what the design can be asked about, Breakpoints if nothing is said.
	Has Features
	// OneRCU says that the design is for a kernel from 4.20 on, in which
	// synchronize_rcu() waits for regions with preemption off, too.
	OneRCU bool
	// New builds the design for one execution, for the given text.
	New func(k *sim.K, text *Text) Scheme
}

var designs []*Design

// add enters a design into the catalogue; it is called from the package
// variables of the files of the designs.
func add(d Design) *Design {
	d.Subsystem = "kprobes"
	if d.Has == 0 {
		d.Has = Breakpoints
	}
	designs = append(designs, &d)
	return &d
}

// addModern is add for a design of Linux 4.20 or later.
func addModern(d Design) *Design {
	d.OneRCU = true
	return add(d)
}

// Designs are all designs, by name.
func Designs() []*Design {
	return slices.SortedFunc(slices.Values(designs), func(a, b *Design) int { return cmp.Compare(a.Name, b.Name) })
}
