package x86

import "golang.org/x/arch/x86/x86asm"

// x87 instructions are chosen by their opcode (SDM vol. 2, appendix B.17): the
// names do not tell which way round a subtraction is.

func addX87(m map[x86asm.Op]builder) {
	for _, op := range []x86asm.Op{
		x86asm.F2XM1, x86asm.FABS, x86asm.FADD, x86asm.FADDP, x86asm.FCHS, x86asm.FCMOVB, x86asm.FCMOVBE, x86asm.FCMOVE,
		x86asm.FCMOVNB, x86asm.FCMOVNBE, x86asm.FCMOVNE, x86asm.FCMOVNU, x86asm.FCMOVU, x86asm.FCOM, x86asm.FCOMI,
		x86asm.FCOMIP, x86asm.FCOMP, x86asm.FCOMPP, x86asm.FDECSTP, x86asm.FDIV, x86asm.FDIVP, x86asm.FDIVR, x86asm.FDIVRP,
		x86asm.FFREE, x86asm.FIADD, x86asm.FICOM, x86asm.FICOMP, x86asm.FIDIV, x86asm.FIDIVR, x86asm.FILD, x86asm.FIMUL,
		x86asm.FINCSTP, x86asm.FIST, x86asm.FISTP, x86asm.FISUB, x86asm.FISUBR, x86asm.FLD, x86asm.FLD1, x86asm.FLDCW,
		x86asm.FLDENV, x86asm.FLDL2E, x86asm.FLDL2T, x86asm.FLDLG2, x86asm.FLDLN2, x86asm.FLDPI, x86asm.FLDZ, x86asm.FMUL,
		x86asm.FMULP, x86asm.FNCLEX, x86asm.FNINIT, x86asm.FNOP, x86asm.FNSAVE, x86asm.FNSTCW, x86asm.FNSTENV, x86asm.FNSTSW,
		x86asm.FPREM, x86asm.FPREM1, x86asm.FRNDINT, x86asm.FRSTOR, x86asm.FSCALE, x86asm.FSQRT, x86asm.FST, x86asm.FSTP,
		x86asm.FSUB, x86asm.FSUBP, x86asm.FSUBR, x86asm.FSUBRP, x86asm.FTST, x86asm.FUCOM, x86asm.FUCOMI, x86asm.FUCOMIP,
		x86asm.FUCOMP, x86asm.FUCOMPP, x86asm.FXAM, x86asm.FXCH, x86asm.FXTRACT,
	} {
		m[op] = buildX87
	}
}

// buildX87 goes by the opcode and the ModRM byte.
func buildX87(d *decoding) bool {
	op, modrm := d.opcode[0], d.opcode[1]
	if modrm>>6 != 3 {
		d.run = x87MemoryOps[op&7][modrm>>3&7]
		return true
	}
	d.cond = modrm & 7
	d.run = x87RegisterOp(op, modrm)
	return true
}

// x87MemoryOps are those with a memory operand, by the last bits of the opcode
// and the reg field. The decimal forms and those of SSE3 are not there.
var x87MemoryOps = [8][8]operation{
	0: {x87Memory(0, readSingle), x87Memory(1, readSingle), x87Memory(2, readSingle), x87Memory(3, readSingle),
		x87Memory(4, readSingle), x87Memory(5, readSingle), x87Memory(6, readSingle), x87Memory(7, readSingle)},
	1: {fldMem(readSingle), nil, fstShort(single, false), fstShort(single, true), fldenv, fldcw, fnstenv, fnstcw},
	2: {x87Memory(0, readInt[uint32]), x87Memory(1, readInt[uint32]), x87Memory(2, readInt[uint32]), x87Memory(3, readInt[uint32]),
		x87Memory(4, readInt[uint32]), x87Memory(5, readInt[uint32]), x87Memory(6, readInt[uint32]), x87Memory(7, readInt[uint32])},
	3: {fldMem(readInt[uint32]), nil, fstInt[uint32](false), fstInt[uint32](true), nil, fld80, nil, fstp80},
	4: {x87Memory(0, readDouble), x87Memory(1, readDouble), x87Memory(2, readDouble), x87Memory(3, readDouble),
		x87Memory(4, readDouble), x87Memory(5, readDouble), x87Memory(6, readDouble), x87Memory(7, readDouble)},
	5: {fldMem(readDouble), nil, fstShort(double64, false), fstShort(double64, true), frstor, nil, fnsave, fnstsw},
	6: {x87Memory(0, readInt[uint16]), x87Memory(1, readInt[uint16]), x87Memory(2, readInt[uint16]), x87Memory(3, readInt[uint16]),
		x87Memory(4, readInt[uint16]), x87Memory(5, readInt[uint16]), x87Memory(6, readInt[uint16]), x87Memory(7, readInt[uint16])},
	7: {fldMem(readInt[uint16]), nil, fstInt[uint16](false), fstInt[uint16](true), nil, fldMem(readInt[uint64]), nil, fstInt[uint64](true)},
}

// x87RegisterOp is the operation between registers, nil if there is none.
func x87RegisterOp(op, modrm byte) operation {
	reg := int(modrm >> 3 & 7)
	comparing := reg == 2 || reg == 3
	switch op {
	case 0xd8:
		if comparing {
			return x87Compare(true, reg-2)
		}
		return x87Registers(reg, false, false)
	case 0xdc:
		if comparing {
			return x87Compare(true, reg-2)
		}
		return x87Registers(swapped(reg), true, false)
	case 0xde:
		switch {
		case modrm == 0xd9:
			return x87Compare(true, 2)
		case comparing:
			return nil
		}
		return x87Registers(swapped(reg), true, true)
	case 0xd9:
		switch reg {
		case 0:
			return fldReg
		case 1:
			return fxch
		}
		return x87Functions[modrm]
	case 0xda:
		if modrm == 0xe9 {
			return x87Compare(false, 2)
		}
		return [8]operation{fcmov(conditions[2]), fcmov(conditions[4]), fcmov(conditions[6]), fcmov(conditions[10])}[reg]
	case 0xdb:
		switch modrm {
		case 0xe2:
			return fnclex
		case 0xe3:
			return fninit
		}
		return [8]operation{fcmov(conditions[3]), fcmov(conditions[5]), fcmov(conditions[7]), fcmov(conditions[11]),
			nil, x87CompareFlags(false, 0), x87CompareFlags(true, 0)}[reg]
	case 0xdd:
		return [8]operation{ffree, nil, fstReg(false), fstReg(true), x87Compare(false, 0), x87Compare(false, 1)}[reg]
	case 0xdf:
		if modrm == 0xe0 {
			return fnstswAX
		}
		return [8]operation{5: x87CompareFlags(false, 1), 6: x87CompareFlags(true, 1)}[reg]
	}
	return nil
}

// swapped is the operation of a reg field where the result goes to ST(i): the
// reversed forms have changed places.
func swapped(reg int) int {
	if reg >= 4 {
		return reg ^ 1
	}
	return reg
}

// x87Functions are those of d9 without an operand. The transcendental ones are
// not there.
var x87Functions = map[byte]operation{
	0xd0: fnop,
	0xe0: x87Sign(func(se uint16) uint16 { return se ^ 0x8000 }),
	0xe1: x87Sign(func(se uint16) uint16 { return se &^ 0x8000 }),
	0xe4: ftst,
	0xe5: fxam,
	0xe8: fldConst(0, integerBit, 0),
	0xe9: fldConst(1, 0xd49a784bcd1b8afe, 0x492bf6ff4dafdb4d),  // log2(10)
	0xea: fldConst(0, 0xb8aa3b295c17f0bb, 0xbe87fed0691d3e88),  // log2(e)
	0xeb: fldConst(1, 0xc90fdaa22168c234, 0xc4c6628b80dc1cd1),  // pi
	0xec: fldConst(-2, 0x9a209a84fbcff798, 0x8f8959ac0b7c9178), // log10(2)
	0xed: fldConst(-1, 0xb17217f7d1cf79ab, 0xc9e3b39803f2f6af), // ln(2)
	0xee: fldConst(0, 0, 0),
	0xf4: fxtract,
	0xf5: x87Remainder(true),
	0xf6: x87Turn(-1),
	0xf7: x87Turn(1),
	0xf8: x87Remainder(false),
	0xfa: fsqrt,
	0xfc: frndint,
	0xfd: fscale,
}
