package uprobes

import (
	"trapline/sim"
	"trapline/vm"
)

// Thread is a thread of a program, as far as probes know of it: where it goes on, its
// stack, and current->utask. Only the thread itself uses it, but for interrupts that
// look at its utask.
type Thread struct {
	// IP is where it goes on after a trap with [Stepping] or [Moved].
	IP uint64
	// Hurried says that it leaves each function before the timer of its leases comes.
	Hurried bool
	// words is the stack, sp the word that was pushed last. It grows downwards; below
	// it is the red zone, which a function that calls no other may use.
	words [stackWords]uint64
	sp    int

	utask      sim.Word[*uprobeTask]
	mm         *vm.MM
	dupXolAddr uint64 // where the parent has its area
}

const stackWords = 48

// NewThread is a thread with an empty stack, under a name for traces.
func NewThread(k *sim.K, name string, mm *vm.MM) *Thread {
	t := &Thread{sp: stackWords, mm: mm}
	t.utask.Init(k, name+"->utask", nil)
	return t
}

// Copy is the thread that fork makes of t, in an address space of its own, without what
// probes have of it.
func (t *Thread) Copy(k *sim.K, name string, mm *vm.MM) *Thread {
	child := NewThread(k, name, mm)
	child.words, child.sp, child.Hurried = t.words, t.sp, t.Hurried
	return child
}

// MM is the address space that it runs in.
func (t *Thread) MM() *vm.MM { return t.mm }

// Push pushes a word on the stack.
func (t *Thread) Push(v uint64) {
	t.sp--
	t.words[t.sp] = v
}

// Pop takes it off again.
func (t *Thread) Pop() uint64 {
	t.sp++
	return t.words[t.sp-1]
}

// Reserve makes the stack so many words longer, or shorter if n is negative, and leaves
// them as they are: lea -8*n(%rsp), %rsp.
func (t *Thread) Reserve(n int) { t.sp -= n }

// RedZone is the first word below the stack.
func (t *Thread) RedZone() *uint64 { return &t.words[t.sp-1] }

// top is the word that was pushed last, which at the entry of a function is where it
// returns to.
func (t *Thread) top() *uint64 { return &t.words[t.sp] }

// uprobeTask is struct uprobe_task.
type uprobeTask struct {
	sim.Life
	list      sim.Object        // the return instances, for those who walk over them without a lock
	instances []*returnInstance // the newest last
	riTimer   sim.Timer
	riSeq     sim.SeqCount
	// While a copy is stepped:
	active *tracedUprobe
	vaddr  uint64
	slot   int
}

// spaceState is what there is for each address space: mm->uprobes_state, and the
// flags of mm that are about uprobes.
type spaceState struct {
	mm    *vm.MM
	flags sim.Flags // MMF_HAS_UPROBES, MMF_RECALC_UPROBES
	area  sim.Word[*xolArea]
	// calls are head_tramps. The holder of mm->mmap_sem uses them.
	calls []uint64
}

// The flags of mm.
const (
	hasUprobes = iota
	recalcUprobes
)

func newSpaceState(k *sim.K, mm *vm.MM) *spaceState {
	s := &spaceState{mm: mm}
	s.flags.Init(k, "mm->flags", 0)
	s.area.Init(k, "mm->uprobes_state.xol_area", nil)
	return s
}
