package insn

import (
	"encoding/binary"

	"trapline/vm/x86"
)

// A Memory is the program's memory as the kernel copies from it and to it.
type Memory interface {
	// Read copies what is at addr, Write the other way; both say how many bytes
	// they got before the first that faults.
	Read(addr uint64, p []byte) int
	Write(addr uint64, p []byte) int
}

// Emulate does the instruction at RIP, if it is of a class that the kernel does
// itself: arch_uprobe_skip_sstep(). It returns whether it did; if not, the
// instruction has to be executed out of line: also a call or a push whose stack
// cannot be written, which faults there. A task whose trap flag is set gets a
// SIGTRAP after an emulated instruction, as [Step.Post] tells of those out of
// line.
func (in *Insn) Emulate(s *x86.State, m Memory) bool {
	next := s.RIP + uint64(in.Length)
	switch in.Class {
	case Nop:
	case Jump:
		if in.holds(s.RFLAGS) {
			next += uint64(in.offset)
		}
	case Call:
		if !push(s, m, next) {
			return false
		}
		next += uint64(in.offset)
	case Push:
		if !push(s, m, s.R[in.reg]) {
			return false
		}
	default:
		return false
	}
	s.RIP = next
	return true
}

// push is emulate_push_stack().
func push(s *x86.State, m Memory, v uint64) bool {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], v)
	if m.Write(s.R[x86.RSP]-8, b[:]) != len(b) {
		return false
	}
	s.R[x86.RSP] -= 8
	return true
}

// holds is check_jmp_cond(): jmp always does.
func (in *Insn) holds(f uint64) bool {
	if in.cond&0xf0 != 0x70 {
		return true
	}
	var is bool
	less := (f&x86.SF != 0) != (f&x86.OF != 0)
	switch in.cond >> 1 & 7 {
	case 0:
		is = f&x86.OF != 0
	case 1:
		is = f&x86.CF != 0
	case 2:
		is = f&x86.ZF != 0
	case 3:
		is = f&(x86.CF|x86.ZF) != 0
	case 4:
		is = f&x86.SF != 0
	case 5:
		is = f&x86.PF != 0
	case 6:
		is = less
	case 7:
		is = less || f&x86.ZF != 0
	}
	return is == (in.cond&1 == 0)
}
