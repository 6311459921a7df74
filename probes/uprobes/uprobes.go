// Package uprobes holds designs for probes on the instructions of user
// programs, from the first prototype of 2006 on. Each design is one file that
// reads like the mail it comes from; this file says what they have in common.
package uprobes

import (
	"cmp"
	"slices"

	"trapline/pagecache"
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
	// Name is the name on the command line: the year, and what is special.
	Name string
	// Title is one line on what the design does, From where it is described.
	Title, From string
	// Order is the lock order that the design claims, outer lock first. The
	// machine holds every execution to it.
	Order []string
	// Fails are the scenarios that the design is known to fail. It is claimed
	// to be clean on all others.
	Fails []Failure
	// New builds the design for one execution.
	New func(k *sim.K) Scheme
}

// Failure is a known failure of a design.
type Failure struct {
	// Scenario is the name of the scenario, Title that of the violation.
	Scenario, Title string
	// Why says in a sentence what goes wrong.
	Why string
	// Only says that the failure is seen only with the probe in certain pages.
	Only Pages
}

// Pages is a set of pages of a file.
type Pages int

const (
	AnyPage   Pages = iota // every page
	FirstPage              // the first page of the file
	LaterPage              // every page but the first
)

var designs []*Design

// add enters a design into the catalogue; it is called from the package
// variables of the files of the designs.
func add(d Design) *Design {
	designs = append(designs, &d)
	return &d
}

// Designs are all designs, by name.
func Designs() []*Design {
	return slices.SortedFunc(slices.Values(designs), func(a, b *Design) int { return cmp.Compare(a.Name, b.Name) })
}

// FailsOn are the failures that the design is known to have in a scenario, for
// a probe in the given page of the file.
func (d *Design) FailsOn(scenario string, page int64) []Failure {
	where := FirstPage
	if page > 0 {
		where = LaterPage
	}
	var fails []Failure
	for _, f := range d.Fails {
		if f.Scenario == scenario && (f.Only == AnyPage || f.Only == where) {
			fails = append(fails, f)
		}
	}
	return fails
}
