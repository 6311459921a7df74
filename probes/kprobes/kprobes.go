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
	// New builds the design for one execution, for the given text.
	New func(k *sim.K, text *Text) Scheme
}

var designs []*Design

// add enters a design into the catalogue; it is called from the package
// variables of the files of the designs.
func add(d Design) *Design {
	d.Subsystem = "kprobes"
	designs = append(designs, &d)
	return &d
}

// Designs are all designs, by name.
func Designs() []*Design {
	return slices.SortedFunc(slices.Values(designs), func(a, b *Design) int { return cmp.Compare(a.Name, b.Name) })
}
