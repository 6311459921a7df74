// Package defects lists what Linux's uprobes do wrong, as data: which of it an
// emulated kernel has is a [Set]. [Linux618] is the kernel that the captures in
// the tests are from, [Fixed] one that does what its documentation says.
package defects

import "strings"

// A Set is a set of defects.
type Set uint32

// The defects.
const (
	// VEXOpcode: VEX, EVEX and XOP instructions are judged by their opcode byte.
	VEXOpcode Set = 1 << iota
	// REXNop: xchg %r8,%rax is taken for a nop.
	REXNop
	// PrefixOpcode: a prefix behind REX, and a fifth one, is taken for the opcode.
	PrefixOpcode
	// SyscallStep: after a probed syscall one more instruction runs in the slot.
	SyscallStep
	// SlotVisible: the program sees the address of the slot and the trap flag.
	SlotVisible
	// RedZone: the call of an optimised probe overwrites the red zone.
	RedZone
	// CallStays: a removed probe leaves the call of the trampoline in the text.
	CallStays
	// ForkedTrampoline: a forked child has the call, but not the trampoline.
	ForkedTrampoline
	// SignalTrapno: the signal frame of a fault out of line has trapno 0.
	SignalTrapno
	// UserTrapInfo: SIGTRAP for the program's own trap flag has the wrong siginfo.
	UserTrapInfo
	// FileBytes: what runs out of line is the file's instruction.
	FileBytes
	// LateRefusal: a probe that cannot be is refused only where the file is mapped.
	LateRefusal
	// SiblingFree: a probe of an enabled event is freed while it is in use.
	SiblingFree
	// FileOffsetTwice: @+OFFSET adds the offset twice.
	FileOffsetTwice
	// KernelString: an immediate string faults.
	KernelString
	// StaleRecord: what cannot be fetched shows bytes of an earlier record.
	StaleRecord

	end
)

// The kernels that can be asked for.
const (
	Linux618 = end - 1 // with all its defects, as 6.18.15 has them
	Fixed    = Set(0)
)

// Has reports whether all defects of d are in the set.
func (s Set) Has(d Set) bool { return s&d == d }

// A Kernel is a version of Linux to behave like.
type Kernel struct {
	Name    string
	Defects Set
	About   string
}

// Kernels lists the versions, the ordinary one first.
var Kernels = []Kernel{
	{"6.18", Linux618, "Linux 6.18, with its defects"},
	{"fixed", Fixed, "what Linux should do: none of the defects"},
}

// Find returns the kernel of a name, and whether there is one.
func Find(name string) (Kernel, bool) {
	for _, k := range Kernels {
		if k.Name == name {
			return k, true
		}
	}
	return Kernel{}, false
}

// A Defect is one of them, explained.
type Defect struct {
	Set   Set
	Name  string
	Title string // what goes wrong, in a line
	About string // how, where, and what should happen instead
	Where string // the function of the kernel
}

// All lists the defects in the order of the constants.
var All = []Defect{
	{VEXOpcode, "vex-opcode", "VEX, EVEX and XOP instructions are judged by their opcode byte",
		"The opcode byte of a VEX, EVEX or XOP instruction is looked up as if it were an instruction of one byte. " +
			"So vpxor (opcode ef, out) and the vector loads (6f, outs) cannot be probed, while vzeroupper (77, ja), " +
			"vpbroadcastb (78, js) and vmovdqu64 to memory (7f, jg) are accepted and then emulated as the jump of that " +
			"opcode: they are not executed, and the program may go elsewhere. They should be executed out of line.",
		"uprobe_init_insn, branch_setup_xol_ops"},
	{REXNop, "rex-nop", "xchg %r8,%rax is taken for a nop",
		"49 90 has the opcode of nop, so it is emulated as one and the registers are not exchanged. " +
			"It should be executed out of line.",
		"branch_setup_xol_ops"},
	{PrefixOpcode, "prefix-opcode", "a prefix behind REX, and a fifth one, is taken for the opcode",
		"A processor ignores a REX prefix that others follow, and knows no limit to prefixes but the 15 bytes. The kernel's " +
			"decoder stops there, so nobody looks at the instruction itself: 48 66 8b 05 reads from beside the slot, and " +
			"48 40 cc puts a probe on an int3. It should decode what the processor executes.",
		"insn_get_prefixes"},
	{SyscallStep, "syscall-step", "one more instruction runs after a probed syscall",
		"The processor takes the single-step trap of a syscall only after the instruction behind it. That is the next " +
			"one of the program, since 16 bytes were copied; it runs in the slot, without the fix-ups that it needs: a ret " +
			"leads astray, and a child forked by the system call runs there as well. The slot should end behind the instruction.",
		"arch_uprobe_pre_xol, copy_insn"},
	{SlotVisible, "slot-visible", "the program sees the slot and the trap flag",
		"Out of line, syscall leaves the address in the slot in rcx and the trap flag in r11, pushf pushes the trap " +
			"flag, and x87 instructions leave the address in the slot as FIP. The program should see its own values.",
		"default_post_xol_op"},
	{RedZone, "red-zone", "the call of an optimised probe overwrites the red zone",
		"A probed nop of 5 bytes becomes a call, which pushes below the stack pointer, and the trampoline pushes three " +
			"registers more. Leaf functions keep data there. The stack pointer should be moved by 128 bytes first.",
		"arch_uprobe_optimize"},
	{CallStays, "call-stays", "a removed probe leaves the call of the trampoline in the text",
		"When the last consumer of an optimised probe goes away, the nop is not put back: the program calls the trampoline " +
			"for ever, and the system call finds no probe. 6.18.15 does this, 6.18.44 puts the nop back.",
		"set_orig_insn"},
	{ForkedTrampoline, "forked-trampoline", "a forked child calls a trampoline that it does not have",
		"The child inherits the patched text, but the mapping of the trampolines is not copied: the child gets SIGSEGV " +
			"at the next hit. The mapping should be copied.",
		"create_uprobe_trampoline"},
	{SignalTrapno, "signal-trapno", "a fault out of line shows trapno 0 in the signal frame",
		"The trap number is used as a mark that the instruction in the slot trapped, and is not put back before the " +
			"signal is delivered. The handler should see the number of the exception.",
		"arch_uprobe_abort_xol"},
	{UserTrapInfo, "user-trap-info", "SIGTRAP for the program's own trap flag has si_code 0",
		"A program that single-steps itself over a probed instruction gets SIGTRAP with si_code 0 and a process id " +
			"where si_addr is. It should get TRAP_TRACE and the address of the next instruction.",
		"arch_uprobe_post_xol, arch_uprobe_skip_sstep"},
	{FileBytes, "file-bytes", "a probe runs the file's instruction, not the one in memory",
		"The instruction is copied from the page cache. A program that has patched its text runs the old instruction, " +
			"and when the probe goes away the file's first byte is written back.",
		"prepare_uprobe, set_orig_insn"},
	{LateRefusal, "late-refusal", "enabling succeeds for instructions that cannot be probed",
		"The instruction is looked at when a process maps the file. Enabling a probe of a file that nobody has mapped " +
			"succeeds whatever is there, and later mappings silently get no breakpoint. Enabling should fail.",
		"uprobe_register, prepare_uprobe"},
	{SiblingFree, "sibling-free", "a probe of an enabled event is freed while it is in use",
		"Removing an event that has several probes is refused as busy only for the last of them: the others are freed " +
			"while they are consumers of their uprobes. It should be refused, or they should be unregistered first.",
		"unregister_trace_uprobe"},
	{FileOffsetTwice, "file-offset-twice", "@+OFFSET adds the offset twice",
		"The offset in the file is added to the address of the mapping, and again when that is dereferenced. " +
			"@+0x1000 reads what @+0x2000 should.",
		"parse_probe_arg"},
	{KernelString, "kernel-string", "an immediate string prints (fault)",
		"The string of an argument such as \\\"text\" is in the kernel, and is fetched as if it were in the program. " +
			"It should print the text.",
		"process_fetch_insn, fetch_store_string"},
	{StaleRecord, "stale-record", "an argument that cannot be fetched shows an earlier record",
		"Records are put together in a buffer of the CPU that is used again. Where a pointer to the value cannot be " +
			"read, the bytes that were there stay: a number shows what an earlier event had at that place, and a string " +
			"shows the next string. It should show 0 or (fault).",
		"store_trace_args, process_fetch_insn_bottom"},
}

// String lists the names of the defects.
func (s Set) String() string {
	var names []string
	for _, d := range All {
		if s.Has(d.Set) {
			names = append(names, d.Name)
		}
	}
	return strings.Join(names, ",")
}
