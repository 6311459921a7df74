package x86

// guard decides what x86asm gets wrong or does not know, before it is asked
// (measured against binutils and processors). It returns the length of an
// instruction that it has decoded itself, or 0.
func (d *decoding) guard() int {
	op := d.opcode
	switch op[0] {
	case 0x0f:
		return d.guard0f()
	case 0xc4, 0xc5, 0x62: // VEX and EVEX: CPUID says there is none
		return d.undefined(1)
	case 0x90: // x86asm takes f3 41 90 for pause and 49 90 for xchg r8, rax
		if d.rex&1 != 0 {
			return 0
		}
		return d.alone1(nop)
	case 0x9b: // x86asm joins it with the x87 instruction behind it
		d.last = true
		return d.alone1(fwait)
	case 0xcc:
		d.special(int3)
		return d.plain(1)
	case 0xcd:
		d.imm = uint64(op[1])
		switch op[1] {
		case 3:
			d.special(int3)
		case 4:
			d.special(into)
		case 0x80:
			d.special(int80)
		default:
			d.special(forbidInt)
		}
		return d.plain(2)
	case 0xf1:
		d.special(int1)
		return d.plain(1)
	case 0xcf, 0xca, 0xcb:
		return d.guardFarReturn()
	case 0xf4, 0xfa, 0xfb, // hlt, cli, sti
		0x6c, 0x6d, 0x6e, 0x6f, 0xe4, 0xe5, 0xe6, 0xe7, 0xec, 0xed, 0xee, 0xef: // in and out
		d.special(forbid)
		return d.plain(1)
	case 0x9c, 0x9d: // x86asm does not tell 16 bits from 64
		return d.guardFlags()
	case 0xe8, 0xe9, 0xeb, 0xe0, 0xe1, 0xe2, 0xe3, 0xc2, 0xc3,
		0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x7b, 0x7c, 0x7d, 0x7e, 0x7f:
		d.op16 = false // near branches have 64 bits (SDM vol. 1, 6.3.7): Intel's reading of 66
	case 0xff:
		switch op[1] >> 3 & 7 {
		case 2, 4:
			d.op16 = false
		case 3, 5: // far
			if op[1]>>6 == 3 || d.prefixes.lock {
				return d.undefined(2)
			}
		}
	case 0xc0, 0xc1, 0xd0, 0xd1, 0xd2, 0xd3: // /6 is shl as well
		if op[1]>>3&7 == 6 {
			op[1] &^= 0x10
		}
	case 0xf6, 0xf7: // /1 is test as well
		if op[1]>>3&7 == 1 {
			op[1] &^= 0x08
		}
	case 0x8c:
		if op[1]>>3&7 > 5 {
			return d.undefined(2)
		}
	case 0x8e:
		if r := op[1] >> 3 & 7; r == 1 || r > 5 {
			return d.undefined(2)
		}
		if d.prefixes.lock {
			return d.undefined(2)
		}
	}
	return 0
}

// guard0f is the same for the opcodes of two bytes.
func (d *decoding) guard0f() int {
	op := d.opcode
	group, isReg := op[2]>>3&7, op[2]>>6 == 3
	switch op[1] {
	case 0x0d, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f: // prefetches, hints, endbr64
		if op[1] == 0x0d && isReg {
			return d.undefined(3)
		}
		d.run = nop
		return d.plain(2 + modrmLen(op[2:]))
	case 0x05:
		d.special(syscall)
		d.branch = true
		return d.plain(2)
	case 0x06, 0x07, 0x08, 0x09, 0x20, 0x21, 0x22, 0x23, 0x30, 0x32, 0x33, 0x35: // clts, sysret, invd, wbinvd, mov cr and dr, msr, sysexit
		d.special(forbid)
		n := 2
		if op[1]&0xf0 == 0x20 {
			n = 3
		}
		return d.plain(n)
	case 0x31:
		d.special(rdtsc)
		d.alone = true
		return d.plain(2)
	case 0xa2:
		d.special(cpuid)
		return d.plain(2)
	case 0x00: // sldt and its like, of which user mode has none (UMIP)
		if group > 5 {
			return d.undefined(3)
		}
		d.special(forbid)
		return d.plain(2 + modrmLen(op[2:]))
	case 0x01:
		if isReg && group != 4 && group != 6 && op[2] != 0xf8 {
			return d.undefined(3) // xgetbv, rdtscp, monitor: CPUID says there are none
		}
		d.special(forbid)
		return d.plain(2 + modrmLen(op[2:]))
	case 0x38, 0x3a: // SSSE3 and later
		return d.undefined(3)
	case 0x02, 0x03, 0x0b, 0x34, 0x37, 0xaa, 0xb2, 0xb4, 0xb5, 0xb8, 0xb9, 0xff: // lar, lsl, ud2, sysenter, getsec, rsm, lss, lfs, lgs, popcnt, ud1, ud0
		return d.undefined(2)
	case 0xbc, 0xbd: // tzcnt and lzcnt are bsf and bsr where CPUID says so
		d.prefixes.rep = 0
	case 0xa0, 0xa8, 0xa1, 0xa9: // push and pop of fs and gs
		return d.guardSegmentStack()
	case 0xae:
		return d.guardState(group, isReg)
	case 0xc7:
		if group != 1 || isReg {
			return d.undefined(3) // rdrand and others
		}
		d.prefixes.rep = 0
		d.op16 = false
	}
	return 0
}

// guardState decides on the group of fences and of the saved state, where other
// prefixes mean other instructions.
func (d *decoding) guardState(group byte, isReg bool) int {
	if d.op16 || d.prefixes.rep != 0 {
		return d.undefined(3) // fsgsbase, clwb, clflushopt, tpause, incssp
	}
	if !isReg {
		if group >= 4 && group != 7 { // xsave
			return d.undefined(3)
		}
		return 0
	}
	if group < 5 {
		return d.undefined(3)
	}
	d.run = fence
	return d.plain(3)
}

func (d *decoding) guardFlags() int {
	d.stack = true
	if d.opcode[0] == 0x9c {
		d.run = pushf[uint64]
		if d.op16 {
			d.run = pushf[uint16]
		}
		return d.plain(1)
	}
	d.special(popf[uint64])
	if d.op16 {
		d.special(popf[uint16])
	}
	return d.plain(1)
}

// alone1 is an instruction of one byte.
func (d *decoding) alone1(run operation) int {
	d.run = run
	return d.plain(1)
}

// plain ends the decoding of an instruction that has n bytes behind its
// prefixes and allows no lock.
func (d *decoding) plain(n int) int {
	if d.prefixes.lock {
		return d.undefined(n)
	}
	return d.n + n
}
