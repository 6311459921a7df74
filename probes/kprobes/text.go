package kprobes

import "trapline/sim"

// Addr is the address of an instruction that may be probed: its number in the text.
type Addr int

// Byte is what lies where the first byte of an instruction belongs.
type Byte uint8

// What a CPU may find there.
const (
	// Own is the instruction's own byte.
	Own Byte = iota
	// Int3 is the breakpoint.
	Int3
	// Jump is a jump of five bytes to the detour of an optimised probe. It covers
	// the instruction, of one byte, and the next one.
	Jump
	// Garbage is the operand of such a jump, to one who executes it: no instruction
	// of anybody.
	Garbage
	// Call is the call of ftrace at the entry of a function.
	Call
	// Branch is the jump of a static key to its code.
	Branch
	// LongNop is a nop that is as long as the instruction and the next one.
	LongNop
)

func (b Byte) String() string {
	return [...]string{"the instruction", "int3", "a jump", "garbage", "a call of ftrace", "the branch", "a long nop"}[b]
}

// Text is the code of the kernel as far as probes change it: the first byte of each
// instruction. A byte is written and fetched whole. All CPUs see the same, unless
// [Text.SeenLate] says otherwise. It has the slots, too, in which copies of
// instructions are stepped.
type Text struct {
	insns []insn
	slots insnCache
	cores cores
	graph graph
	// modules says that there is one, so that the records of ftrace are worth a look.
	modules bool
	// Run executes the code of the kernel at an address, for designs whose own
	// functions are made of instructions as well. The scenario sets it.
	Run func(k *sim.K, a Addr)
	// Flushed is a function that the end of a task runs through.
	Flushed Addr
	// Label is where the static key has its jump label.
	Label Addr
	// Branches says of a CPU whether it traps at branches: DEBUGCTLMSR_BTF.
	Branches func(k *sim.K) *bool
	// User says of a CPU whether it may access the memory of user space.
	User func(k *sim.K) *bool
}

type insn struct {
	o    sim.Object
	b    Byte
	own  Byte   // what is there when nobody patches
	past []Byte // all that it has been, if CPUs see that late

	jumpable bool    // a jump may be put here: it is as long as that with the next one
	traced   bool    // it is the nop where ftrace puts its call
	detour   *Kprobe // where the jump leads
	where    where
}

var (
	opFetch  = sim.NewOp("fetch %s")
	opArm    = sim.NewOp("arch_arm_kprobe(%s)")
	opDisarm = sim.NewOp("arch_disarm_kprobe(%s)")
	opPoke   = sim.NewOp("text_poke(%s)")
	opRead   = sim.NewOp("copy_from_kernel_nofault(%s)")
	opLook   = sim.NewOp("*addr of %s")
)

var _ = sim.Plumbing("arm_text", "disarm_text", "write_text", "read_text", "read_as", "poke_text", "poke_jump")

// NewText makes a text of so many instructions, all of them in order. It is for the
// setup of a scenario.
func NewText(k *sim.K, names ...string) *Text {
	t := &Text{insns: make([]insn, len(names))}
	for i := range t.insns {
		t.insns[i].o.Init(k, names[i])
	}
	t.slots.init(k)
	t.cores.text, t.cores.setup = t, k
	return t
}

// Name is what the instruction at an address is called.
func (t *Text) Name(a Addr) string { return t.insns[a].o.Name() }

// Instruction is what a copy was made of: the name of an instruction, or something else.
func (t *Text) Instruction(a Addr) string {
	if a == noInsn {
		return "the operand of a jump"
	}
	return t.Name(a)
}

// Jumpable says that a jump may be put at a. It is for the setup.
func (t *Text) Jumpable(a Addr) { t.insns[a].jumpable = true }

// Traced says that there is a call of ftrace at a. It is for the setup.
func (t *Text) Traced(a Addr) { t.insns[a].traced = true }

// Fetch is a CPU fetching the instruction at a, with what belongs to it: what it
// finds.
func (t *Text) Fetch(k *sim.K, a Addr) Byte {
	i := &t.insns[a]
	for {
		k.Step(opFetch, &i.o, sim.Read)
		if i.jumpable { // there may be something longer than an instruction
			k.Touch(&t.insns[a+1].o, sim.Read)
		}
		b, whole := t.see(k, a)
		if b == Jump || b == LongNop {
			var operand Byte
			if operand, whole = t.see(k, a+1); operand != Garbage {
				b = Garbage // half of it is there
			}
		}
		if !whole {
			continue // what it has of the one is older than what it has of the other
		}
		k.Machine().Fold(uint64(b))
		if k.Tracing() {
			k.Note("= %s", b)
		}
		return b
	}
}

// readText is the kernel reading the byte as data: it is never late.
func (t *Text) readText(k *sim.K, a Addr) Byte { return t.readAs(k, opRead, a) }

func (t *Text) readAs(k *sim.K, op sim.Op, a Addr) Byte {
	i := &t.insns[a]
	k.Step(op, &i.o, sim.Read)
	k.Machine().Fold(uint64(i.b))
	if k.Tracing() {
		k.Note("= %s", i.b)
	}
	return i.b
}

// armText is arch_arm_kprobe(): it writes the breakpoint.
func (t *Text) armText(k *sim.K, a Addr) { t.writeText(k, opArm, a, Int3) }

// disarmText is arch_disarm_kprobe(): it writes the instruction's own byte.
func (t *Text) disarmText(k *sim.K, a Addr) { t.writeText(k, opDisarm, a, Own) }

// pokeText is text_poke(): it writes what is to be, and leaves it to the caller to tell
// the other CPUs.
func (t *Text) pokeText(k *sim.K, a Addr, b Byte) { t.writeText(k, opPoke, a, b) }

func (t *Text) writeText(k *sim.K, op sim.Op, a Addr, b Byte) {
	i := &t.insns[a]
	k.Step(op, &i.o, sim.Write)
	if k.Tracing() && op == opPoke {
		k.Note("<- %s", b)
	}
	i.b = b
	if t.cores.late {
		i.past = append(i.past, b)
		t.cores.written(k)
	}
}

// Armed says whether anything of a probe is left in the text when nobody is at work.
// It is no step.
func (t *Text) Armed() (a Addr, left bool) {
	for i := range t.insns {
		if t.insns[i].b != t.insns[i].own {
			return Addr(i), true
		}
	}
	return 0, false
}
