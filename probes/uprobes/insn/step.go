package insn

import (
	"encoding/binary"

	"trapline/probes/uprobes/defects"
	"trapline/vm/x86"
)

// SlotSize is the distance of slots in the page of a process that they are in,
// UPROBE_XOL_SLOT_BYTES. Slot 0 is where return probes lead to.
const SlotSize = 128

// A Step is an instruction that is being executed out of line, struct
// uprobe_task as far as the architecture goes.
type Step struct {
	Insn *Insn
	Addr uint64 // of the instruction
	Slot uint64 // of its copy

	scratch uint64 // what the base register held
	tf      bool   // the program had set its trap flag
}

// PreXOL prepares a step: arch_uprobe_pre_xol(). The caller has put
// [Insn.Slot] at the address slot. RIP is left at the copy, and the trap flag
// set, so that [x86.CPU.Run] stops behind it with a Debug exception.
//
// Two instructions stop there for something else first. A syscall traps before:
// the system call is made, and where the kernel has the defect SyscallStep the
// processor goes on in the slot until the trap, which comes one instruction
// later; without it, [Step.Post] follows at once. A fault leads to [Step.Abort].
func (in *Insn) PreXOL(s *x86.State, addr, slot uint64) *Step {
	st := &Step{Insn: in, Addr: addr, Slot: slot, tf: s.RFLAGS&x86.TF != 0}
	if r := in.base(); r >= 0 {
		st.scratch = s.R[r]
		s.R[r] = addr + uint64(in.Length)
	}
	s.RIP = slot
	s.RFLAGS |= x86.TF
	return st
}

// base is the register that stands for rip in the copy, -1 if there is none.
func (in *Insn) base() int {
	switch {
	case in.Fixups&FixSI != 0:
		return x86.RSI
	case in.Fixups&FixDI != 0:
		return x86.RDI
	case in.Fixups&FixBX != 0:
		return x86.RBX
	}
	return -1
}

// restore gives the base register back: riprel_post_xol().
func (st *Step) restore(s *x86.State) {
	if r := st.Insn.base(); r >= 0 {
		s.R[r] = st.scratch
	}
}

// Post puts the registers right after the step: arch_uprobe_post_xol(). It
// returns whether the task gets a SIGTRAP for a trap flag of its own. If the
// return address of a call cannot be corrected, or the kernel meant to emulate
// the instruction, it is left to be executed again.
func (st *Step) Post(s *x86.State, m Memory) (trapped bool) {
	in := st.Insn
	trapped = st.tf
	tf := st.tf
	switch {
	case in.Class == Call: // a mangled one, whose push failed in Emulate
		s.R[x86.RSP] += 8
		s.RIP = st.Addr
		trapped = false
	default:
		st.restore(s)
		switch {
		case in.Fixups&FixIP != 0:
			s.RIP += st.Addr - st.Slot
		case in.Fixups&FixCall != 0:
			s.R[x86.RSP] += 8
			if !push(s, m, st.Addr+uint64(in.Length)) {
				s.RIP = st.Addr
				trapped = false
			}
		}
		if in.Fixups&FixTF != 0 {
			tf = true
		}
	}
	if !in.defects.Has(defects.SlotVisible) {
		st.hide(s, m)
	}
	if !tf {
		s.RFLAGS &^= x86.TF
	}
	return trapped
}

// Abort gives the step up, since the copy faulted or the task is being killed:
// arch_uprobe_abort_xol(). The instruction is at its place again, for the signal
// handler to see.
func (st *Step) Abort(s *x86.State) {
	st.restore(s)
	s.RIP = st.Addr
	if !st.tf {
		s.RFLAGS &^= x86.TF
	}
}

// rel turns an address in the copy into one in the text of the program.
func (st *Step) rel(addr uint64) uint64 {
	if addr-st.Slot <= TextSize {
		return addr - st.Slot + st.Addr
	}
	return addr
}

// hide takes out of the registers and the stack what tells of the slot, which
// the kernel does not.
func (st *Step) hide(s *x86.State, m Memory) {
	text := &st.Insn.Slot
	switch i := opcodeAt(text[:]); {
	case text[i] == 0x0f && text[i+1] == 0x05: // syscall
		s.R[x86.RCX] = st.rel(s.R[x86.RCX])
		if !st.tf {
			s.R[x86.R11] &^= x86.TF
		}
	case text[i] == 0x9c && !st.tf: // pushf
		var b [2]byte
		if m.Read(s.R[x86.RSP], b[:]) == len(b) {
			binary.LittleEndian.PutUint16(b[:], binary.LittleEndian.Uint16(b[:])&^x86.TF)
			m.Write(s.R[x86.RSP], b[:])
		}
	case text[i]&0xf8 == 0xd8: // x87
		s.X87.IP = st.rel(s.X87.IP)
	}
}

// opcodeAt is the offset of the opcode, behind legacy prefixes and REX. There is
// a byte behind it.
func opcodeAt(text []byte) int {
	i := 0
	for i < len(text)-2 && (legacyPrefix(text[i]) || text[i]&0xf0 == 0x40) {
		i++
	}
	return i
}
