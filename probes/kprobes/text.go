package kprobes

import "trapline/sim"

// Addr is the address of an instruction that may be probed: its number in the text.
type Addr int

// Text is the code of the kernel as far as probes change it: the first byte of each
// instruction, which is the instruction's own or the breakpoint. A byte is written
// and fetched whole, and all CPUs see the same. It has the slots, too, in which
// copies of instructions are stepped.
type Text struct {
	insns []insn
	slots insnCache
}

type insn struct {
	o     sim.Object
	int3  bool
	probe string // what was probed, for traces
}

var (
	opFetch  = sim.NewOp("fetch %s")
	opArm    = sim.NewOp("arch_arm_kprobe(%s)")
	opDisarm = sim.NewOp("arch_disarm_kprobe(%s)")
)

// NewText makes a text of so many instructions, all of them in order. It is for the
// setup of a scenario.
func NewText(k *sim.K, names ...string) *Text {
	t := &Text{insns: make([]insn, len(names))}
	for i := range t.insns {
		t.insns[i].o.Init(k, names[i])
	}
	t.slots.init(k)
	return t
}

// Name is what the instruction at an address is called.
func (t *Text) Name(a Addr) string { return t.insns[a].o.Name() }

// Fetch is a CPU fetching the instruction at a: whether it finds the breakpoint.
func (t *Text) Fetch(k *sim.K, a Addr) (int3 bool) {
	i := &t.insns[a]
	k.Step(opFetch, &i.o, sim.Read)
	k.Machine().Fold(uint64(flag(i.int3)))
	if k.Tracing() {
		k.Note("= %s", map[bool]string{true: "int3", false: "the instruction"}[i.int3])
	}
	return i.int3
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// arm is arch_arm_kprobe(): it writes the breakpoint.
func (t *Text) arm(k *sim.K, a Addr) { t.write(k, opArm, a, true) }

// disarm is arch_disarm_kprobe(): it writes the instruction's own byte.
func (t *Text) disarm(k *sim.K, a Addr) { t.write(k, opDisarm, a, false) }

func (t *Text) write(k *sim.K, op sim.Op, a Addr, int3 bool) {
	k.Step(op, &t.insns[a].o, sim.Write)
	t.insns[a].int3 = int3
}

// Armed says whether a breakpoint is left in the text when nobody is at work. It is
// no step.
func (t *Text) Armed() (a Addr, any bool) {
	for i := range t.insns {
		if t.insns[i].int3 {
			return Addr(i), true
		}
	}
	return 0, false
}
