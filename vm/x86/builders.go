package x86

import "golang.org/x/arch/x86/x86asm"

// A builder chooses the operation for an instruction and takes its operands
// over. It reports whether there is such an instruction.
type builder func(d *decoding) bool

// builders are those of all operations, by x86asm's numbers. What is not here
// is #UD.
var builders = makeBuilders()

func makeBuilders() map[x86asm.Op]builder {
	m := map[x86asm.Op]builder{}
	addInteger(m)
	addStack(m)
	addBranches(m)
	addStrings(m)
	addConditional(m)
	addIntegerSSE(m)
	addFloatSSE(m)
	addX87(m)
	return m
}

func addInteger(m map[x86asm.Op]builder) {
	m[x86asm.ADD] = binaries(add[uint8], add[uint16], add[uint32], add[uint64])
	m[x86asm.ADC] = binaries(adc[uint8], adc[uint16], adc[uint32], adc[uint64])
	m[x86asm.SUB] = binaries(sub[uint8], sub[uint16], sub[uint32], sub[uint64])
	m[x86asm.SBB] = binaries(sbb[uint8], sbb[uint16], sbb[uint32], sbb[uint64])
	m[x86asm.AND] = binaries(and[uint8], and[uint16], and[uint32], and[uint64])
	m[x86asm.OR] = binaries(or[uint8], or[uint16], or[uint32], or[uint64])
	m[x86asm.XOR] = binaries(xor[uint8], xor[uint16], xor[uint32], xor[uint64])
	m[x86asm.CMP] = comparisons(sub[uint8], sub[uint16], sub[uint32], sub[uint64])
	m[x86asm.TEST] = comparisons(and[uint8], and[uint16], and[uint32], and[uint64])
	m[x86asm.INC] = unaries(inc[uint8], inc[uint16], inc[uint32], inc[uint64])
	m[x86asm.DEC] = unaries(dec[uint8], dec[uint16], dec[uint32], dec[uint64])
	m[x86asm.NEG] = unaries(neg[uint8], neg[uint16], neg[uint32], neg[uint64])
	m[x86asm.NOT] = unaries(not[uint8], not[uint16], not[uint32], not[uint64])
	m[x86asm.SHL] = binaries(shift(shl[uint8]), shift(shl[uint16]), shift(shl[uint32]), shift(shl[uint64]))
	m[x86asm.SHR] = binaries(shift(shr[uint8]), shift(shr[uint16]), shift(shr[uint32]), shift(shr[uint64]))
	m[x86asm.SAR] = binaries(shift(sar[uint8]), shift(sar[uint16]), shift(sar[uint32]), shift(sar[uint64]))
	m[x86asm.ROL] = binaries(shift(rol[uint8]), shift(rol[uint16]), shift(rol[uint32]), shift(rol[uint64]))
	m[x86asm.ROR] = binaries(shift(ror[uint8]), shift(ror[uint16]), shift(ror[uint32]), shift(ror[uint64]))
	m[x86asm.RCL] = binaries(shift(rcl[uint8]), shift(rcl[uint16]), shift(rcl[uint32]), shift(rcl[uint64]))
	m[x86asm.RCR] = binaries(shift(rcr[uint8]), shift(rcr[uint16]), shift(rcr[uint32]), shift(rcr[uint64]))
	m[x86asm.SHLD] = doubles(true)
	m[x86asm.SHRD] = doubles(false)
	m[x86asm.MUL] = factors(mul[uint8], mul[uint16], mul[uint32], mul[uint64])
	m[x86asm.DIV] = factors(div[uint8], div[uint16], div[uint32], div[uint64])
	m[x86asm.IDIV] = factors(idiv[uint8], idiv[uint16], idiv[uint32], idiv[uint64])
	m[x86asm.IMUL] = buildImul
	m[x86asm.BT] = bitTests(nil, nil, nil)
	m[x86asm.BTS] = bitTests(bts[uint16], bts[uint32], bts[uint64])
	m[x86asm.BTR] = bitTests(btr[uint16], btr[uint32], btr[uint64])
	m[x86asm.BTC] = bitTests(btc[uint16], btc[uint32], btc[uint64])
	m[x86asm.BSF] = scans(bsf[uint16], bsf[uint32], bsf[uint64])
	m[x86asm.BSR] = scans(bsr[uint16], bsr[uint32], bsr[uint64])
	m[x86asm.BSWAP] = func(d *decoding) bool {
		d.size = d.first()
		d.run = sized{nil, bswap16, bswap32, bswap64}.of(d.size)
		return true
	}
	m[x86asm.XADD] = exchanges(xadd[uint8], xadd[uint16], xadd[uint32], xadd[uint64])
	m[x86asm.XCHG] = buildXchg
	m[x86asm.CMPXCHG] = exchanges(cmpxchg[uint8], cmpxchg[uint16], cmpxchg[uint32], cmpxchg[uint64])
	m[x86asm.CMPXCHG8B] = fixedOp(cmpxchg8b)
	m[x86asm.CMPXCHG16B] = fixedOp(cmpxchg16b)
	m[x86asm.MOV] = buildMov
	m[x86asm.MOVNTI] = buildMov
	m[x86asm.MOVZX] = func(d *decoding) bool { return buildExtend(d, false) }
	m[x86asm.MOVSX] = func(d *decoding) bool { return buildExtend(d, true) }
	m[x86asm.MOVSXD] = func(d *decoding) bool { return buildExtend(d, true) }
	m[x86asm.LEA] = func(d *decoding) bool {
		d.size = d.first()
		d.seg = zeroReg
		d.run = sized{nil, lea[uint16], lea[uint32], lea[uint64]}.of(d.size)
		return d.isMem(1)
	}
	for _, p := range []named[operation]{
		{x86asm.CBW, cbw}, {x86asm.CWDE, cwde}, {x86asm.CDQE, cdqe}, {x86asm.CWD, cwd}, {x86asm.CDQ, cdq}, {x86asm.CQO, cqo},
		{x86asm.LAHF, lahf}, {x86asm.SAHF, sahf}, {x86asm.CLC, clc}, {x86asm.STC, stc}, {x86asm.CMC, cmc}, {x86asm.CLD, cld}, {x86asm.STD, std},
		{x86asm.NOP, nop}, {x86asm.CLFLUSH, clflush}, {x86asm.XLATB, xlat},
	} {
		m[p.op] = fixedOp(p.run)
	}
}

// A named is a row of a table of operations.
type named[T any] struct {
	op  x86asm.Op
	run T
}

// fixedOp is for instructions whose operands are implied, or memory alone.
func fixedOp(run operation) builder {
	return func(d *decoding) bool {
		d.run = run
		return true
	}
}

func binaries(b binaryOp[uint8], w binaryOp[uint16], l binaryOp[uint32], q binaryOp[uint64]) builder {
	return func(d *decoding) bool {
		where := d.operands()
		d.run = sized{combine(b, where), combine(w, where), combine(l, where), combine(q, where)}.of(d.size)
		return true
	}
}

func comparisons(b binaryOp[uint8], w binaryOp[uint16], l binaryOp[uint32], q binaryOp[uint64]) builder {
	return func(d *decoding) bool {
		where := d.operands()
		d.run = sized{compare(b, where), compare(w, where), compare(l, where), compare(q, where)}.of(d.size)
		return true
	}
}

func unaries(b unaryOp[uint8], w unaryOp[uint16], l unaryOp[uint32], q unaryOp[uint64]) builder {
	return func(d *decoding) bool {
		mem := d.operands() == memReg
		d.run = sized{change(b, mem), change(w, mem), change(l, mem), change(q, mem)}.of(d.size)
		return true
	}
}

func factors(b, w, l, q func(mem bool) operation) builder {
	return func(d *decoding) bool {
		mem := d.operands() == memReg
		d.run = sized{b(mem), w(mem), l(mem), q(mem)}.of(d.size)
		return true
	}
}

func exchanges(b, w, l, q func(mem bool) operation) builder { return factors(b, w, l, q) }

// buildXchg puts the memory operand first: the order means nothing.
func buildXchg(d *decoding) bool {
	if d.isMem(1) {
		d.inst.Args[0], d.inst.Args[1] = d.inst.Args[1], d.inst.Args[0]
	}
	return factors(xchg[uint8], xchg[uint16], xchg[uint32], xchg[uint64])(d)
}

func doubles(left bool) builder {
	return func(d *decoding) bool {
		mem := d.operands() == memReg
		if d.second(2) != 0 {
			d.cond = 1 // by CL
			d.second(1)
		}
		d.run = sized{nil, double[uint16](left, mem), double[uint32](left, mem), double[uint64](left, mem)}.of(d.size)
		return true
	}
}

func buildImul(d *decoding) bool {
	switch {
	case d.inst.Args[1] == nil:
		return factors(imul1[uint8], imul1[uint16], imul1[uint32], imul1[uint64])(d)
	case d.inst.Args[2] == nil:
		return binaries(nil, imul2[uint16], imul2[uint32], imul2[uint64])(d)
	}
	mem := d.operands() == regMem
	d.imm = uint64(d.inst.Args[2].(x86asm.Imm))
	d.run = sized{nil, imul3[uint16](mem), imul3[uint32](mem), imul3[uint64](mem)}.of(d.size)
	return true
}

func bitTests(w bitOp[uint16], l bitOp[uint32], q bitOp[uint64]) builder {
	return func(d *decoding) bool {
		mem := d.operands() == memReg
		if d.regSize(1) == 0 && mem {
			d.size = d.dataSize()
		}
		d.run = sized{nil, testBit(w, mem), testBit(l, mem), testBit(q, mem)}.of(d.size)
		return true
	}
}

func scans(w binaryOp[uint16], l binaryOp[uint32], q binaryOp[uint64]) builder {
	return func(d *decoding) bool {
		mem := d.operands() == regMem
		d.run = sized{nil, scan(w, mem), scan(l, mem), scan(q, mem)}.of(d.size)
		return true
	}
}

// dataSize is the operand size that the prefixes say (SDM vol. 1, 3.6.1).
func (d *decoding) dataSize() uint8 {
	switch {
	case d.rex&8 != 0:
		return 8
	case d.op16:
		return 2
	}
	return 4
}

func buildMov(d *decoding) bool {
	if d.opcode[0] == 0x8c {
		d.cond = d.opcode[1] >> 3 & 7
		mem := d.isMem(0)
		d.first()
		d.run = sized{nil, movFromSegment[uint16](mem), movFromSegment[uint32](mem), movFromSegment[uint64](mem)}.of(d.dataSize())
		return true
	}
	if d.opcode[0] == 0x8e {
		d.cond = d.opcode[1] >> 3 & 7
		d.second(1)
		d.special(movToSegment(d.isMem(1)))
		return true
	}
	where := d.operands()
	d.run = sized{mov[uint8](where), mov[uint16](where), mov[uint32](where), mov[uint64](where)}.of(d.size)
	return true
}

func buildExtend(d *decoding, sign bool) bool {
	to := d.first()
	from := d.second(1)
	mem := d.isMem(1)
	if d.inst.Op == x86asm.MOVSXD {
		from = min(4, to)
	}
	switch {
	case to == 2 && from == 1:
		d.run = extend[uint16, uint8](sign, mem)
	case to == 4 && from == 1:
		d.run = extend[uint32, uint8](sign, mem)
	case to == 8 && from == 1:
		d.run = extend[uint64, uint8](sign, mem)
	case to == 2 && from == 2:
		d.run = extend[uint16, uint16](sign, mem)
	case to == 4 && from == 2:
		d.run = extend[uint32, uint16](sign, mem)
	case to == 8 && from == 2:
		d.run = extend[uint64, uint16](sign, mem)
	case to == 4 && from == 4:
		d.run = extend[uint32, uint32](sign, mem)
	case to == 8 && from == 4:
		d.run = extend[uint64, uint32](sign, mem)
	}
	return true
}

func addStack(m map[x86asm.Op]builder) {
	m[x86asm.PUSH] = func(d *decoding) bool {
		d.stack = d.stack || !d.isMem(0)
		d.second(0)
		size := uint8(8)
		if d.op16 && d.rex&8 == 0 {
			size = 2
		}
		if d.isMem(0) {
			d.run = sized{nil, pushMem[uint16], nil, pushMem[uint64]}.of(size)
		} else {
			d.run = sized{nil, pushReg[uint16], nil, pushReg[uint64]}.of(size)
		}
		return true
	}
	m[x86asm.POP] = func(d *decoding) bool {
		d.stack = d.stack || !d.isMem(0)
		d.first()
		size := uint8(8)
		if d.op16 && d.rex&8 == 0 {
			size = 2
		}
		if d.isMem(0) {
			d.run = sized{nil, popMem[uint16], nil, popMem[uint64]}.of(size)
		} else {
			d.run = sized{nil, popReg[uint16], nil, popReg[uint64]}.of(size)
		}
		return true
	}
	m[x86asm.LEAVE] = func(d *decoding) bool {
		d.stack = true
		d.run = leave[uint64]
		if d.op16 && d.rex&8 == 0 {
			d.run = leave[uint16]
		}
		return true
	}
	m[x86asm.ENTER] = func(d *decoding) bool {
		d.stack = true
		d.imm = uint64(d.opcode[1]) | uint64(d.opcode[2])<<8
		d.cond = d.opcode[3] & 31
		d.run = enter[uint64]
		if d.op16 && d.rex&8 == 0 {
			d.run = enter[uint16]
		}
		return true
	}
}

// branches makes a builder of operations on a target, a register and memory.
func branches(rel, register, memory operation) builder {
	return func(d *decoding) bool {
		d.last, d.branch = true, true
		switch a := d.inst.Args[0].(type) {
		case x86asm.Rel:
			d.imm = uint64(a) // the address of the next instruction is added later
			d.run = rel
		case x86asm.Imm:
			d.imm = uint64(uint16(a))
			d.run = rel
		case x86asm.Mem:
			d.run = memory
		case x86asm.Reg:
			d.first()
			d.run = register
		default:
			d.run = rel
		}
		return true
	}
}

func addBranches(m map[x86asm.Op]builder) {
	m[x86asm.JMP] = branches(jmp, jmpReg, jmpMem)
	m[x86asm.LCALL], m[x86asm.LJMP] = buildFar(true), buildFar(false)
	m[x86asm.CALL] = branches(call, callReg, callMem)
	m[x86asm.RET] = func(d *decoding) bool {
		d.stack = true
		return branches(ret, nil, nil)(d)
	}
	m[x86asm.JRCXZ] = branches(jrcxz, nil, nil)
	m[x86asm.JECXZ] = m[x86asm.JRCXZ]
	m[x86asm.LOOP] = branches(loop, nil, nil)
	m[x86asm.LOOPE] = branches(loope, nil, nil)
	m[x86asm.LOOPNE] = branches(loopne, nil, nil)
}

func addConditional(m map[x86asm.Op]builder) {
	for i, op := range []x86asm.Op{x86asm.JO, x86asm.JNO, x86asm.JB, x86asm.JAE, x86asm.JE, x86asm.JNE, x86asm.JBE, x86asm.JA,
		x86asm.JS, x86asm.JNS, x86asm.JP, x86asm.JNP, x86asm.JL, x86asm.JGE, x86asm.JLE, x86asm.JG} {
		m[op] = branches(jcc[i], nil, nil)
	}
	for i, op := range []x86asm.Op{x86asm.SETO, x86asm.SETNO, x86asm.SETB, x86asm.SETAE, x86asm.SETE, x86asm.SETNE, x86asm.SETBE, x86asm.SETA,
		x86asm.SETS, x86asm.SETNS, x86asm.SETP, x86asm.SETNP, x86asm.SETL, x86asm.SETGE, x86asm.SETLE, x86asm.SETG} {
		m[op] = func(d *decoding) bool {
			d.first()
			d.run = setcc(conditions[i], d.isMem(0))
			return true
		}
	}
	for i, op := range []x86asm.Op{x86asm.CMOVO, x86asm.CMOVNO, x86asm.CMOVB, x86asm.CMOVAE, x86asm.CMOVE, x86asm.CMOVNE, x86asm.CMOVBE, x86asm.CMOVA,
		x86asm.CMOVS, x86asm.CMOVNS, x86asm.CMOVP, x86asm.CMOVNP, x86asm.CMOVL, x86asm.CMOVGE, x86asm.CMOVLE, x86asm.CMOVG} {
		cond := conditions[i]
		m[op] = func(d *decoding) bool {
			mem := d.operands() == regMem
			d.run = sized{nil, cmov[uint16](cond, mem), cmov[uint32](cond, mem), cmov[uint64](cond, mem)}.of(d.size)
			return true
		}
	}
}

func addStrings(m map[x86asm.Op]builder) {
	add := func(compares bool, ops [4]x86asm.Op, b, w, l, q iteration) {
		for i, f := range []iteration{b, w, l, q} {
			run := repeat(f, compares)
			m[ops[i]] = func(d *decoding) bool {
				d.run = run
				d.base, d.index, d.disp = zeroReg, zeroReg, 0
				d.branch, d.last, d.alone = true, true, true
				return true
			}
		}
	}
	add(false, [4]x86asm.Op{x86asm.MOVSB, x86asm.MOVSW, x86asm.MOVSD, x86asm.MOVSQ}, movs[uint8], movs[uint16], movs[uint32], movs[uint64])
	add(false, [4]x86asm.Op{x86asm.STOSB, x86asm.STOSW, x86asm.STOSD, x86asm.STOSQ}, stos[uint8], stos[uint16], stos[uint32], stos[uint64])
	add(false, [4]x86asm.Op{x86asm.LODSB, x86asm.LODSW, x86asm.LODSD, x86asm.LODSQ}, lods[uint8], lods[uint16], lods[uint32], lods[uint64])
	add(true, [4]x86asm.Op{x86asm.SCASB, x86asm.SCASW, x86asm.SCASD, x86asm.SCASQ}, scas[uint8], scas[uint16], scas[uint32], scas[uint64])
	add(true, [4]x86asm.Op{x86asm.CMPSB, x86asm.CMPSW, x86asm.CMPSD, x86asm.CMPSQ}, cmps[uint8], cmps[uint16], cmps[uint32], cmps[uint64])
}
