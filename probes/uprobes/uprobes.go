// Package uprobes holds designs for probes on the instructions of user
// programs, from the first prototype of 2006 on. Each design is one file that
// reads like the mail it comes from; this file says what they have in common.
package uprobes

import (
	"cmp"
	"slices"

	"trapline/pagecache"
	"trapline/probes"
	"trapline/sim"
	"trapline/vm"
)

// Probe is what the user of a design registers: a place in a file, and what is
// to be called when a program executes the instruction there.
type Probe struct {
	Inode   *pagecache.Inode
	Offset  int64
	Handler func(k *sim.K)
}

// Trap is what a design makes of a breakpoint that a program has hit.
type Trap int

const (
	// NotOurs leaves the trap to the program, which gets SIGTRAP.
	NotOurs Trap = iota
	// Handled ran the handlers; the saved instruction is then single-stepped.
	Handled
	// Restart executes the instruction in the program's text again.
	Restart
)

// Scheme is one design at work. Its methods are called by tasks that may sleep
// and hold no lock.
type Scheme interface {
	// RegisterUprobe arms a probe. Once it has returned nil, every execution of
	// the instruction calls the handler.
	RegisterUprobe(k *sim.K, p *Probe) error
	// UnregisterUprobe disarms it. Once it has returned, the handler is never
	// called again.
	UnregisterUprobe(k *sim.K, p *Probe)
	// Int3 is called when a task of mm has executed a breakpoint at addr. When
	// it returns Handled, insn is the instruction that the task steps instead.
	Int3(k *sim.K, mm *vm.MM, addr uint64) (trap Trap, insn []byte)
}

// InodeInit is a Scheme that has to see a file before anyone uses it.
type InodeInit interface {
	// InitInode is called when the inode is set up.
	InitInode(k *sim.K, inode *pagecache.Inode)
}

// Design is an entry of the catalogue of designs.
type Design struct {
	probes.Design
	// New builds the design for one execution.
	New func(k *sim.K) Scheme
}

var designs []*Design

// add enters a design into the catalogue; it is called from the package
// variables of the files of the designs.
func add(d Design) *Design {
	d.Subsystem = "uprobes"
	designs = append(designs, &d)
	return &d
}

// Designs are all designs, by name.
func Designs() []*Design {
	return slices.SortedFunc(slices.Values(designs), func(a, b *Design) int { return cmp.Compare(a.Name, b.Name) })
}
