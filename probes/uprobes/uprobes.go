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

	// The rest is for designs that have it, see [Features].

	// Filter says which processes the user wants to be called for, nil for all.
	Filter func(k *sim.K, mm *vm.MM) bool
	// Remove says that the handler returns UPROBE_HANDLER_REMOVE: as far as this user
	// goes, the breakpoint may be taken out of the process that has hit it.
	Remove bool
	// Return is called when the function returns that begins at the place, nil for a
	// user who does not want that. With Session it is called only if Handler was
	// called when the function was entered.
	Return  func(k *sim.K)
	Session bool
	// Counter is where the file has a counter, of two bytes, of those who probe the
	// place, so that the program knows; 0 for none.
	Counter int64
}

// wants says whether the user wants to be called for a process.
func (p *Probe) wants(k *sim.K, mm *vm.MM) bool { return p.Filter == nil || p.Filter(k, mm) }

// Trap is what a design makes of a breakpoint that a program has hit.
type Trap int

const (
	// NotOurs leaves the trap to the program, which gets SIGTRAP.
	NotOurs Trap = iota
	// Handled ran the handlers; the saved instruction is then single-stepped.
	Handled
	// Restart executes the instruction in the program's text again.
	Restart
	// Stepping ran the handlers; the task goes on in the slot at [Thread.IP], where a
	// copy of the instruction is stepped.
	Stepping
	// Moved has the task go on at [Thread.IP].
	Moved
	// Illegal is a trampoline that nobody was sent to: the program gets SIGILL.
	Illegal
)

// Features are what a design can be asked about.
type Features uint

// The features. Each names the interface that a design with it has beside [Scheme],
// if there is one.
const (
	// Breakpoints is about what all uprobes are.
	Breakpoints Features = 1 << iota
	// Filters is about users who want some processes only, or no more of one.
	Filters
	// Counters is about counters that programs have of those who probe them.
	Counters
	// Slots is about the page in which copies of instructions are stepped.
	Slots
	// Returns is about the returns of functions: [ReturnProber].
	Returns
	// Calls is about instructions that become a call: [CallOptimizer].
	Calls
	// FailedForks is about children that fork gives up half made.
	FailedForks
	// Collapses is about huge pages, for which page tables are taken away: [Collapser].
	Collapses
	// Locked is about text that programs lock in memory.
	Locked
	// Lookups is about lookups in the tree of uprobes while it changes.
	Lookups
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

// SpaceInit is a Scheme that keeps something for each address space.
type SpaceInit interface {
	vm.Hooks
	// InitSpace is called when an address space is set up that is no child's.
	InitSpace(k *sim.K, mm *vm.MM)
	// MayHaveUprobes says whether the design takes it that the address space can have
	// breakpoints: it answers for none in one that cannot. It is for checks, and no step.
	MayHaveUprobes(mm *vm.MM) bool
}

// Threader is a Scheme that has to know which thread of a program has trapped, beside
// its address space.
type Threader interface {
	// SetCurrent says that k is the thread t, from now on.
	SetCurrent(k *sim.K, t *Thread)
	// CopyProcess is uprobe_copy_process(): child is a copy of t, which k is. What it
	// has to do itself it does in ReturnFromFork.
	CopyProcess(k *sim.K, t, child *Thread)
	// ReturnFromFork is what the child does first.
	ReturnFromFork(k *sim.K, child *Thread)
	// FreeUtask is uprobe_free_utask(): the thread ends.
	FreeUtask(k *sim.K, t *Thread)
	// ArchUprobePostXol is the debug exception behind an instruction that was stepped
	// in a slot, of length bytes.
	ArchUprobePostXol(k *sim.K, t *Thread, length int)
	// UprobeDenySignal is uprobe_deny_signal(), asked when there is a signal for the
	// thread: whether it has to wait, since the thread is about to step a copy in a slot.
	// The copy is given up for a signal that is fatal, and the thread goes on where it
	// has trapped.
	UprobeDenySignal(k *sim.K, t *Thread, fatal bool) bool
}

// ReturnProber is a Threader with probes on returns.
type ReturnProber interface {
	Threader
	// IsUprobeAtFuncEntry is what a profiler's interrupt asks when it has come while
	// the thread t was running: whether that is about to enter a function that is
	// probed, so that it has no frame yet.
	IsUprobeAtFuncEntry(k *sim.K, t *Thread) bool
	// SysUretprobe is the system call uretprobe, which returns to the address ip. It
	// says whether it was taken for that of a trampoline; if not, the program gets SIGILL.
	SysUretprobe(k *sim.K, t *Thread, ip uint64) bool
}

// CallOptimizer is a Threader that makes calls of breakpoints.
type CallOptimizer interface {
	Threader
	// Nop is the instruction for which it does that.
	Nop() []byte
	// SysUprobe is the system call uprobe, which the code makes that is called.
	SysUprobe(k *sim.K, t *Thread)
}

// Collapser is a Scheme of a kernel with a thread that makes huge pages of files.
type Collapser interface {
	// Khugepaged is that thread, with what it gets wrong.
	Khugepaged() vm.Khugepaged
}

// Design is an entry of the catalogue of designs.
type Design struct {
	probes.Design
	// Has is what the design can be asked about, Breakpoints if nothing is said.
	Has Features
	// New builds the design for one execution.
	New func(k *sim.K) Scheme
	// drawn are known failures that it has in common with others, and that programs
	// which are drawn find; see drawn.go.
	drawn []probes.Failure
}

var designs []*Design

// add enters a design into the catalogue; it is called from the package
// variables of the files of the designs.
func add(d Design) *Design {
	d.Subsystem = "uprobes"
	if d.Has == 0 {
		d.Has = Breakpoints
	}
	d.Fails = slices.Concat(d.Fails, d.drawn)
	designs = append(designs, &d)
	return &d
}

// Designs are all designs, by name.
func Designs() []*Design {
	return slices.SortedFunc(slices.Values(designs), func(a, b *Design) int { return cmp.Compare(a.Name, b.Name) })
}
