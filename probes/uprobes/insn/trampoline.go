package insn

import (
	"encoding/binary"

	"trapline/vm/x86"
)

// The system calls of return probes and of optimised probes. Called from
// anywhere but their trampolines, the first ends in SIGILL and the second in
// ENXIO.
const (
	SysUretprobe = 335
	SysUprobe    = 336
)

// Trampoline is the code at the beginning of a page of optimised probes, which
// a process sees as [uprobes-trampoline]: it keeps what syscall overwrites, and
// calls [SysUprobe].
var Trampoline = []byte{
	0x51, 0x41, 0x53, 0x50, // push rcx, r11, rax
	0x48, 0xc7, 0xc0, SysUprobe & 0xff, SysUprobe >> 8, 0, 0, // mov $336, %rax
	0x0f, 0x05, // syscall
	0x58, 0x41, 0x5b, 0x59, // pop rax, r11, rcx
	0xc3, // ret
}

// ReturnTrampoline is the code at the beginning of slot 0: it calls [SysUretprobe],
// which leaves the return address where RAX was pushed.
var ReturnTrampoline = []byte{
	0x50, 0x51, 0x41, 0x53, // push rax, rcx, r11
	0x48, 0xc7, 0xc0, SysUretprobe & 0xff, SysUretprobe >> 8, 0, 0, // mov $335, %rax
	0x0f, 0x05, // syscall
	0x41, 0x5b, 0x59, // pop r11, rcx
	0xc3, 0xcc, // ret
}

// ReturnCheck is the offset in [ReturnTrampoline] behind the syscall.
const ReturnCheck = 13

// A ReturnFrame is what [ReturnTrampoline] has pushed, and where it goes on.
type ReturnFrame struct{ ip, sp uint64 }

// EnterReturn is the first half of the system call [SysUretprobe]: it leaves the
// registers as the function has left them, but for RIP. Without ok, the frame
// cannot be read and the task gets SIGILL.
func EnterReturn(s *x86.State, m Memory) (f ReturnFrame, ok bool) {
	var b [24]byte
	f.ip, f.sp = s.RIP, s.R[x86.RSP]
	if m.Read(f.sp, b[:]) != len(b) {
		return f, false
	}
	s.R[x86.R11] = binary.LittleEndian.Uint64(b[0:])
	s.R[x86.RCX] = binary.LittleEndian.Uint64(b[8:])
	s.R[x86.RAX] = binary.LittleEndian.Uint64(b[16:])
	s.R[x86.RSP] += uint64(len(b))
	return f, true
}

// Leave is the second half: the trampoline returns to RIP. Without ok, the task
// gets SIGILL.
func (f *ReturnFrame) Leave(s *x86.State, m Memory) (ok bool) {
	var b [24]byte
	binary.LittleEndian.PutUint64(b[0:], s.R[x86.R11])
	binary.LittleEndian.PutUint64(b[8:], s.R[x86.RCX])
	binary.LittleEndian.PutUint64(b[16:], s.RIP)
	s.R[x86.RSP], s.RIP = f.sp, f.ip
	if m.Write(f.sp, b[:]) != len(b) {
		return false
	}
	s.R[x86.R11], s.R[x86.RCX] = s.RFLAGS, s.RIP
	return true
}

// CallLen is the length of the instruction that an optimised probe writes, and of
// the nop that it writes it over.
const CallLen = 5

// CallTo is the call at addr of the trampoline; ok says that it can be reached,
// is_reachable_by_call().
func CallTo(addr, trampoline uint64) (text [CallLen]byte, ok bool) {
	distance := int64(trampoline - (addr + CallLen))
	if distance != int64(int32(distance)) {
		return text, false
	}
	text[0] = 0xe8
	binary.LittleEndian.PutUint32(text[1:], uint32(distance))
	return text, true
}

// Gaps finds free pages of an address space: vm_unmapped_area().
type Gaps interface {
	// Lowest and Highest return the address of a page that is free and lies
	// within the limits, and whether there is one.
	Lowest(low, high uint64) (uint64, bool)
	Highest(low, high uint64) (uint64, bool)
}

// taskSize is TASK_SIZE: where the addresses of programs end.
const taskSize = 1<<47 - 4096

// PlaceTrampoline chooses the page for the trampoline of a probe at addr, if no
// other trampoline of the process can be reached: find_nearest_trampoline(). It is
// the free page next to the call, of the first above and the first below.
func PlaceTrampoline(addr uint64, g Gaps) (uint64, bool) {
	end := addr + CallLen
	var low uint64 = 4096
	if end > 1<<31 {
		low = max(low, end-1<<31)
	}
	above, hasAbove := g.Lowest(end, min(end+1<<31-1, taskSize))
	below, hasBelow := g.Highest(low, end)
	switch {
	case !hasAbove:
		return below, hasBelow
	case !hasBelow, end-below >= above-end:
		return above, true
	}
	return below, true
}

// A TrampolineFrame is what the trampoline has pushed, struct
// uprobe_syscall_args, and where it goes on.
type TrampolineFrame struct {
	ax, r11, cx, ret uint64
	ip, sp           uint64
}

// EnterTrampoline is the first half of the system call [SysUprobe], made from a
// trampoline: it leaves the registers as they were at the probed instruction, for
// the handlers to see. Without ok, the frame cannot be read and the task gets
// SIGILL.
func EnterTrampoline(s *x86.State, m Memory) (f TrampolineFrame, ok bool) {
	var b [32]byte
	f.ip, f.sp = s.RIP, s.R[x86.RSP]
	if m.Read(f.sp, b[:]) != len(b) {
		return f, false
	}
	word := func(i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }
	f.ax, f.r11, f.cx, f.ret = word(0), word(1), word(2), word(3)
	s.R[x86.RAX], s.R[x86.R11], s.R[x86.RCX] = f.ax, f.r11, f.cx
	s.RIP = f.ret - CallLen
	s.R[x86.RSP] += uint64(len(b))
	return f, true
}

// Leave is the second half: the program goes on in the trampoline with the
// registers that the handlers have left. One that moved RSP makes the program go
// on at RIP without it. Without ok, the task gets SIGILL.
func (f *TrampolineFrame) Leave(s *x86.State, m Memory) (ok bool) {
	if s.R[x86.RSP] != f.sp+32 {
		if s.RIP == f.ret-CallLen {
			s.RIP = f.ret
		}
		return true
	}
	if s.RIP != f.ret-CallLen {
		f.ret = s.RIP
	}
	var b [32]byte
	for i, v := range [...]uint64{s.R[x86.RAX], s.R[x86.R11], s.R[x86.RCX], f.ret} {
		binary.LittleEndian.PutUint64(b[8*i:], v)
	}
	s.R[x86.RSP] = f.sp
	s.RIP = f.ip
	if m.Write(f.sp, b[:]) != len(b) {
		return false
	}
	s.R[x86.RAX] = 0
	s.R[x86.R11], s.R[x86.RCX] = s.RFLAGS, s.RIP // what sysret restores
	return true
}
