package x86

import "golang.org/x/arch/x86/x86asm"

// SDM vol. 1, 10.4.1.1 and 11.4.1: moves of XMM registers.

// xmmReg is the number of an XMM register.
func xmmReg(a x86asm.Arg) (uint8, bool) {
	r, ok := a.(x86asm.Reg)
	if !ok || r < x86asm.X0 || r > x86asm.X15 {
		return 0, false
	}
	return uint8(r - x86asm.X0), true
}

// vectorOperands takes an XMM register and a second one, or size bytes of
// memory, over. It fails for MMX registers.
func (d *decoding) vectorOperands(size uint8) bool {
	var ok bool
	if d.a, ok = xmmReg(d.inst.Args[0]); !ok {
		return false
	}
	if d.isMem(1) {
		d.size = size
		return true
	}
	d.size = 0
	d.b, ok = xmmReg(d.inst.Args[1])
	return ok
}

// vectors is for instructions that compute a register from it and a second
// operand of 16 bytes.
func vectors(f func(a, b vec) vec) builder {
	run := func(c *CPU, in *insn) {
		if b, ok := c.vecSource(in); ok {
			c.xmm[in.a&15] = f(c.xmm[in.a&15], b)
		}
	}
	return func(d *decoding) bool {
		d.run = run
		return d.vectorOperands(16)
	}
}

func lanes[T word](f func(a, b T) T) builder { return vectors(each(f)) }

// vectorShifts may have an immediate in place of the second operand.
func vectorShifts(f func(a, b vec) vec) builder {
	other := vectors(f)
	run := func(c *CPU, in *insn) { c.xmm[in.a&15] = f(c.xmm[in.a&15], vec{in.imm}) }
	return func(d *decoding) bool {
		imm, ok := d.inst.Args[1].(x86asm.Imm)
		if !ok {
			return other(d)
		}
		d.imm = uint64(uint8(imm))
		d.run = run
		d.a, ok = xmmReg(d.inst.Args[0])
		return ok
	}
}

func shuffles(f shuffle) builder {
	run := func(c *CPU, in *insn) {
		if b, ok := c.vecSource(in); ok {
			c.xmm[in.a&15] = f(c.xmm[in.a&15], b, in.imm)
		}
	}
	return func(d *decoding) bool {
		imm, _ := d.inst.Args[2].(x86asm.Imm)
		d.imm = uint64(uint8(imm))
		d.run = run
		return d.vectorOperands(16)
	}
}

// moves128 moves all of a register; with align, memory must be aligned.
func moves128(align bool) builder {
	regReg := func(c *CPU, in *insn) { c.xmm[in.a&15] = c.xmm[in.b&15] }
	regMem := func(c *CPU, in *insn) {
		addr := c.ea(in)
		if align && !c.aligned(addr) {
			return
		}
		if v, ok := c.load128(addr, Read); ok {
			c.xmm[in.a&15] = v
		}
	}
	memReg := func(c *CPU, in *insn) {
		addr := c.ea(in)
		if align && !c.aligned(addr) {
			return
		}
		c.store128(addr, c.xmm[in.b&15])
	}
	return func(d *decoding) (ok bool) {
		switch {
		case d.isMem(0):
			d.run = memReg
			d.b, ok = xmmReg(d.inst.Args[1])
			return ok
		case d.isMem(1):
			d.run = regMem
		default:
			d.run = regReg
		}
		return d.vectorOperands(16)
	}
}

// movesLow moves the low T of a register. A load clears the rest; a move
// between registers does so with clears.
func movesLow[T word](clears bool) builder {
	regReg := func(c *CPU, in *insn) { setLane(&c.xmm[in.a&15], 0, T(c.xmm[in.b&15][0])) }
	if clears {
		regReg = func(c *CPU, in *insn) { c.xmm[in.a&15] = vec{uint64(T(c.xmm[in.b&15][0]))} }
	}
	regMem := func(c *CPU, in *insn) {
		if v, ok := load[T](c, c.ea(in), Read); ok {
			c.xmm[in.a&15] = vec{uint64(v)}
		}
	}
	memReg := func(c *CPU, in *insn) { store(c, c.ea(in), T(c.xmm[in.b&15][0])) }
	return func(d *decoding) (ok bool) {
		switch {
		case d.isMem(0):
			d.run = memReg
			d.b, ok = xmmReg(d.inst.Args[1])
			return ok
		case d.isMem(1):
			d.run = regMem
		default:
			d.run = regReg
		}
		return d.vectorOperands(0)
	}
}

// movesHalf moves half a register from or to memory, or from the other half of
// a register (movhlps, movlhps).
func movesHalf(high uint8) builder {
	regReg := func(c *CPU, in *insn) { c.xmm[in.a&15][in.cond&1] = c.xmm[in.b&15][^in.cond&1] }
	regMem := func(c *CPU, in *insn) {
		if v, ok := load[uint64](c, c.ea(in), Read); ok {
			c.xmm[in.a&15][in.cond&1] = v
		}
	}
	memReg := func(c *CPU, in *insn) { store(c, c.ea(in), c.xmm[in.b&15][in.cond&1]) }
	return func(d *decoding) (ok bool) {
		d.cond = high
		switch {
		case d.isMem(0):
			d.run = memReg
			d.b, ok = xmmReg(d.inst.Args[1])
			return ok
		case d.isMem(1):
			d.run = regMem
		default:
			if d.op16 {
				return false // movlpd and movhpd want memory
			}
			d.run = regReg
		}
		return d.vectorOperands(8)
	}
}

// movesGeneral moves between a register and a general register or memory:
// movd, and movq with REX.W.
func movesGeneral(d *decoding) (ok bool) {
	wide := d.rex&8 != 0
	if d.a, ok = xmmReg(d.inst.Args[0]); ok {
		d.second(1)
		switch mem := d.isMem(1); {
		case mem && wide:
			d.run = loadLow[uint64]
		case mem:
			d.run = loadLow[uint32]
		case wide:
			d.run = func(c *CPU, in *insn) { c.xmm[in.a&15] = vec{c.r[in.b&15]} }
		default:
			d.run = func(c *CPU, in *insn) { c.xmm[in.a&15] = vec{c.r[in.b&15] & 0xffffffff} }
		}
		return true
	}
	if d.b, ok = xmmReg(d.inst.Args[1]); !ok {
		return false
	}
	d.first()
	switch mem := d.isMem(0); {
	case mem && wide:
		d.run = func(c *CPU, in *insn) { store(c, c.ea(in), c.xmm[in.b&15][0]) }
	case mem:
		d.run = func(c *CPU, in *insn) { store(c, c.ea(in), uint32(c.xmm[in.b&15][0])) }
	case wide:
		d.run = func(c *CPU, in *insn) { c.r[in.a&15] = c.xmm[in.b&15][0] }
	default:
		d.run = func(c *CPU, in *insn) { c.r[in.a&15] = c.xmm[in.b&15][0] & 0xffffffff }
	}
	return true
}

func loadLow[T word](c *CPU, in *insn) {
	if v, ok := load[T](c, c.ea(in), Read); ok {
		c.xmm[in.a&15] = vec{uint64(v)}
	}
}

// masks gathers signs into a general register.
func masks(f func(vec) uint64) builder {
	run := func(c *CPU, in *insn) { c.r[in.a&15] = f(c.xmm[in.b&15]) }
	return func(d *decoding) (ok bool) {
		d.run = run
		d.first()
		d.b, ok = xmmReg(d.inst.Args[1])
		return ok
	}
}

func pextrw(d *decoding) (ok bool) {
	d.first()
	imm, _ := d.inst.Args[2].(x86asm.Imm)
	d.cond = uint8(imm) & 7
	d.run = func(c *CPU, in *insn) { c.r[in.a&15] = uint64(lane[uint16](c.xmm[in.b&15], uint64(in.cond))) }
	d.b, ok = xmmReg(d.inst.Args[1])
	return ok
}

func pinsrw(d *decoding) (ok bool) {
	d.second(1)
	imm, _ := d.inst.Args[2].(x86asm.Imm)
	d.cond = uint8(imm) & 7
	d.imm = 0
	d.run = func(c *CPU, in *insn) { setLane(&c.xmm[in.a&15], uint64(in.cond), uint16(c.r[in.b&15])) }
	if d.isMem(1) {
		d.run = func(c *CPU, in *insn) {
			if v, ok := load[uint16](c, c.ea(in), Read); ok {
				setLane(&c.xmm[in.a&15], uint64(in.cond), v)
			}
		}
	}
	d.a, ok = xmmReg(d.inst.Args[0])
	return ok
}

// maskmovdqu stores the bytes that a mask selects at RDI.
func maskmovdqu(d *decoding) bool {
	d.run = func(c *CPU, in *insn) {
		addr := c.r[in.seg&31] + c.r[RDI]&in.mask
		m, v := c.xmm[in.b&15], c.xmm[in.a&15]
		old, ok := c.load128(addr, Modify)
		if !ok {
			return
		}
		for i := range uint64(16) {
			if lane[uint8](m, i)&0x80 != 0 {
				setLane(&old, i, lane[uint8](v, i))
			}
		}
		c.store128(addr, old)
	}
	return d.vectorOperands(16)
}

func addIntegerSSE(m map[x86asm.Op]builder) {
	for _, p := range []named[func(a, b vec) vec]{
		{x86asm.PAND, pand}, {x86asm.PANDN, pandn}, {x86asm.POR, por}, {x86asm.PXOR, pxor},
		{x86asm.ANDPS, pand}, {x86asm.ANDNPS, pandn}, {x86asm.ORPS, por}, {x86asm.XORPS, pxor},
		{x86asm.ANDPD, pand}, {x86asm.ANDNPD, pandn}, {x86asm.ORPD, por}, {x86asm.XORPD, pxor},
		{x86asm.PUNPCKLBW, unpackLow[uint8]}, {x86asm.PUNPCKLWD, unpackLow[uint16]}, {x86asm.PUNPCKLDQ, unpackLow[uint32]}, {x86asm.PUNPCKLQDQ, unpackLow[uint64]},
		{x86asm.PUNPCKHBW, unpackHigh[uint8]}, {x86asm.PUNPCKHWD, unpackHigh[uint16]}, {x86asm.PUNPCKHDQ, unpackHigh[uint32]}, {x86asm.PUNPCKHQDQ, unpackHigh[uint64]},
		{x86asm.UNPCKLPS, unpackLow[uint32]}, {x86asm.UNPCKLPD, unpackLow[uint64]},
		{x86asm.UNPCKHPS, unpackHigh[uint32]}, {x86asm.UNPCKHPD, unpackHigh[uint64]},
		{x86asm.PACKSSWB, pack[uint8, uint16](saturate[uint8])}, {x86asm.PACKUSWB, pack[uint8, uint16](saturateU[uint8])},
		{x86asm.PACKSSDW, pack[uint16, uint32](saturate[uint16])},
	} {
		m[p.op] = vectors(p.run)
	}
	m[x86asm.PADDB], m[x86asm.PADDW], m[x86asm.PADDD], m[x86asm.PADDQ] = lanes(padd[uint8]), lanes(padd[uint16]), lanes(padd[uint32]), lanes(padd[uint64])
	m[x86asm.PSUBB], m[x86asm.PSUBW], m[x86asm.PSUBD], m[x86asm.PSUBQ] = lanes(psub[uint8]), lanes(psub[uint16]), lanes(psub[uint32]), lanes(psub[uint64])
	m[x86asm.PCMPEQB], m[x86asm.PCMPEQW], m[x86asm.PCMPEQD] = lanes(pcmpeq[uint8]), lanes(pcmpeq[uint16]), lanes(pcmpeq[uint32])
	m[x86asm.PCMPGTB], m[x86asm.PCMPGTW], m[x86asm.PCMPGTD] = lanes(pcmpgt[uint8]), lanes(pcmpgt[uint16]), lanes(pcmpgt[uint32])
	m[x86asm.PMINUB], m[x86asm.PMAXUB], m[x86asm.PMINSW], m[x86asm.PMAXSW] = lanes(pminu[uint8]), lanes(pmaxu[uint8]), lanes(pmins[uint16]), lanes(pmaxs[uint16])
	m[x86asm.PADDSB], m[x86asm.PADDSW], m[x86asm.PADDUSB], m[x86asm.PADDUSW] = lanes(padds[uint8]), lanes(padds[uint16]), lanes(paddus[uint8]), lanes(paddus[uint16])
	m[x86asm.PSUBSB], m[x86asm.PSUBSW], m[x86asm.PSUBUSB], m[x86asm.PSUBUSW] = lanes(psubs[uint8]), lanes(psubs[uint16]), lanes(psubus[uint8]), lanes(psubus[uint16])
	m[x86asm.PAVGB], m[x86asm.PAVGW] = lanes(pavg[uint8]), lanes(pavg[uint16])
	m[x86asm.PMULLW], m[x86asm.PMULHW], m[x86asm.PMULHUW] = lanes(pmullw), lanes(pmulhw), lanes(pmulhuw)
	m[x86asm.PMADDWD], m[x86asm.PMULUDQ], m[x86asm.PSADBW] = lanes(pmaddwd), lanes(pmuludq), lanes(psadbw)
	for _, p := range []named[func(a, b vec) vec]{
		{x86asm.PSLLW, shifts(psll[uint16])}, {x86asm.PSLLD, shifts(psll[uint32])}, {x86asm.PSLLQ, shifts(psll[uint64])},
		{x86asm.PSRLW, shifts(psrl[uint16])}, {x86asm.PSRLD, shifts(psrl[uint32])}, {x86asm.PSRLQ, shifts(psrl[uint64])},
		{x86asm.PSRAW, shifts(psra[uint16])}, {x86asm.PSRAD, shifts(psra[uint32])},
		{x86asm.PSLLDQ, pslldq}, {x86asm.PSRLDQ, psrldq},
	} {
		m[p.op] = vectorShifts(p.run)
	}
	for _, p := range []named[shuffle]{
		{x86asm.PSHUFD, pshufd}, {x86asm.PSHUFLW, pshuflw}, {x86asm.PSHUFHW, pshufhw}, {x86asm.SHUFPS, shufps}, {x86asm.SHUFPD, shufpd},
	} {
		m[p.op] = shuffles(p.run)
	}
	for _, op := range []x86asm.Op{x86asm.MOVAPS, x86asm.MOVAPD, x86asm.MOVDQA, x86asm.MOVNTDQ, x86asm.MOVNTPS, x86asm.MOVNTPD} {
		m[op] = moves128(true)
	}
	for _, op := range []x86asm.Op{x86asm.MOVUPS, x86asm.MOVUPD, x86asm.MOVDQU} {
		m[op] = moves128(false)
	}
	m[x86asm.MOVSS], m[x86asm.MOVSD_XMM] = movesLow[uint32](false), movesLow[uint64](false)
	m[x86asm.MOVD] = movesGeneral
	m[x86asm.MOVQ] = func(d *decoding) bool {
		if d.opcode[1] == 0x6e || d.opcode[1] == 0x7e && d.prefixes.rep == 0 {
			return movesGeneral(d)
		}
		return movesLow[uint64](true)(d)
	}
	m[x86asm.MOVLPS], m[x86asm.MOVLPD], m[x86asm.MOVHLPS] = movesHalf(0), movesHalf(0), movesHalf(0)
	m[x86asm.MOVHPS], m[x86asm.MOVHPD], m[x86asm.MOVLHPS] = movesHalf(1), movesHalf(1), movesHalf(1)
	m[x86asm.PMOVMSKB], m[x86asm.MOVMSKPS], m[x86asm.MOVMSKPD] = masks(signs[uint8]), masks(signs[uint32]), masks(signs[uint64])
	m[x86asm.FXSAVE], m[x86asm.FXSAVE64], m[x86asm.FXRSTOR], m[x86asm.FXRSTOR64] = fixedOp(fxsave), fixedOp(fxsave), fixedOp(fxrstor), fixedOp(fxrstor)
	m[x86asm.LDMXCSR], m[x86asm.STMXCSR] = fixedOp(ldmxcsr), fixedOp(stmxcsr)
	m[x86asm.PEXTRW], m[x86asm.PINSRW], m[x86asm.MASKMOVDQU] = pextrw, pinsrw, maskmovdqu
}
