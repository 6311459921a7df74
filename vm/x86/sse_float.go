package x86

import "golang.org/x/arch/x86/x86asm"

// SDM vol. 1, 10.4 and 11.4: floating-point arithmetic with XMM registers, and
// 11.5: its exceptions.

// environment is what MXCSR says.
func (c *CPU) environment() environment {
	m := c.mxcsr
	return environment{mode: uint8(m >> 13 & 3), daz: m&(1<<6) != 0, ftz: m&(1<<15) != 0, masked: uint8(m >> 7 & 0x3f)}
}

// commit notes exceptions in MXCSR and reports whether a result may be written.
// One that is found before the operation hides those of the result.
func (c *CPU) commit(e *environment) bool {
	if e.pre&^e.masked != 0 {
		c.mxcsr |= uint32(e.pre)
		c.raise(SIMDError, 0, 0)
		return false
	}
	c.mxcsr |= uint32(e.pre | e.post)
	if e.post&^e.masked != 0 {
		c.raise(SIMDError, 0, 0)
		return false
	}
	return true
}

// operand unpacks one.
func (e *environment) operand(f *format, b uint64) num {
	n := f.unpack(b)
	if n.denormal && e.daz {
		return num{neg: n.neg}
	}
	return n
}

// nans returns the result of an operation on a NaN: the first that is one.
func (e *environment) nans(a, b num) (num, bool) {
	if a.class != nan && b.class != nan {
		return num{}, false
	}
	if a.signaling() || b.signaling() {
		e.pre |= fpIE
	}
	if a.class == nan {
		return a.quiet(), true
	}
	return b.quiet(), true
}

// compute is one operation on packed numbers.
func (e *environment) compute(f *format, op arithmetic, a, b uint64) uint64 {
	x, y := e.operand(f, a), e.operand(f, b)
	if n, ok := e.nans(x, y); ok {
		return f.pack(n)
	}
	before := e.pre
	e.pre = 0
	r, n, done, ok := op(e, x, y)
	if !ok {
		e.pre |= fpIE
		n, done = indefinite, true
	}
	if e.pre == 0 && (x.denormal || y.denormal) {
		e.pre |= fpDE
	}
	e.pre |= before
	if !done {
		n = e.round(r, f, f.prec)
	}
	return f.pack(n)
}

// A floatOp is an operation on two numbers of a format.
type floatOp func(e *environment, f *format, a, b uint64) uint64

func arithmeticOp(op arithmetic) floatOp {
	return func(e *environment, f *format, a, b uint64) uint64 { return e.compute(f, op, a, b) }
}

// rootOp has one operand.
func rootOp(e *environment, f *format, _, b uint64) uint64 { return e.compute(f, sqrtNums, b, b) }

// choice is min and max: the second operand where it is not the other.
func choice(sign int) floatOp {
	return func(e *environment, f *format, a, b uint64) uint64 {
		x, y := e.operand(f, a), e.operand(f, b)
		if x.class == nan || y.class == nan {
			e.pre |= fpIE
			return f.repack(y, b)
		}
		if x.denormal || y.denormal {
			e.pre |= fpDE
		}
		if order(x, y) == sign {
			return f.repack(x, a)
		}
		return f.repack(y, b)
	}
}

// repack returns the bits of a number as they were, but for a denormal that is
// taken for zero.
func (f *format) repack(n num, b uint64) uint64 {
	if n.class == zero {
		return f.pack(n)
	}
	return b
}

// comparison is cmpps and its like; a predicate above 7 counts by its low bits.
func comparison(imm uint64) floatOp {
	return func(e *environment, f *format, a, b uint64) uint64 {
		x, y := e.operand(f, a), e.operand(f, b)
		var holds bool
		if x.class == nan || y.class == nan {
			if x.signaling() || y.signaling() || imm&3 == 1 || imm&3 == 2 {
				e.pre |= fpIE
			}
			holds = imm&3 == 3
		} else {
			if x.denormal || y.denormal {
				e.pre |= fpDE
			}
			switch o := order(x, y); imm & 3 {
			case 0:
				holds = o == 0
			case 1:
				holds = o < 0
			case 2:
				holds = o <= 0
			}
		}
		if imm&4 != 0 {
			holds = !holds
		}
		return -bit(holds)
	}
}

// packed and scalar apply an operation to all lanes or to the first.

func packed(e *environment, f *format, op floatOp, a, b vec) (r vec) {
	if f.prec == 24 {
		for i := range uint64(4) {
			setLane(&r, i, uint32(op(e, f, uint64(lane[uint32](a, i)), uint64(lane[uint32](b, i)))))
		}
		return r
	}
	return vec{op(e, f, a[0], b[0]), op(e, f, a[1], b[1])}
}

func scalar(e *environment, f *format, op floatOp, a, b vec) vec {
	if f.prec == 24 {
		setLane(&a, 0, uint32(op(e, f, a[0]&0xffffffff, b[0]&0xffffffff)))
		return a
	}
	a[0] = op(e, f, a[0], b[0])
	return a
}

type spread func(e *environment, f *format, op floatOp, a, b vec) vec

// floats makes a builder of an operation.
func floats(f *format, op floatOp, how spread, size uint8) builder {
	run := func(c *CPU, in *insn) {
		b, ok := c.vecSource(in)
		if !ok {
			return
		}
		e := c.environment()
		if r := how(&e, f, op, c.xmm[in.a&15], b); c.commit(&e) {
			c.xmm[in.a&15] = r
		}
	}
	return func(d *decoding) bool {
		d.run = run
		return d.vectorOperands(size)
	}
}

// comparisonsSSE has the predicate as an immediate.
func comparisonsSSE(f *format, how spread, size uint8) builder {
	return func(d *decoding) bool {
		imm, _ := d.inst.Args[2].(x86asm.Imm)
		return floats(f, comparison(uint64(imm)&7), how, size)(d)
	}
}

// comis sets ZF, PF and CF by a comparison, and clears the others.
func comis(f *format, size uint8, quiet bool) builder {
	run := func(c *CPU, in *insn) {
		v, ok := c.vecSource(in)
		if !ok {
			return
		}
		e := c.environment()
		x, y := e.operand(f, c.xmm[in.a&15][0]), e.operand(f, v[0])
		var r uint64
		switch {
		case x.class == nan || y.class == nan:
			if !quiet || x.signaling() || y.signaling() {
				e.pre |= fpIE
			}
			r = ZF | PF | CF
		default:
			if x.denormal || y.denormal {
				e.pre |= fpDE
			}
			switch order(x, y) {
			case -1:
				r = CF
			case 0:
				r = ZF
			}
		}
		if c.commit(&e) {
			c.f = unpack(r)
		}
	}
	return func(d *decoding) bool {
		d.run = run
		return d.vectorOperands(size)
	}
}

func addFloatSSE(m map[x86asm.Op]builder) {
	kinds := []struct {
		f    *format
		how  spread
		size uint8
	}{{single, packed, 16}, {double64, packed, 16}, {single, scalar, 4}, {double64, scalar, 8}}
	for _, o := range []struct {
		ops [4]x86asm.Op
		f   floatOp
	}{
		{[4]x86asm.Op{x86asm.ADDPS, x86asm.ADDPD, x86asm.ADDSS, x86asm.ADDSD}, arithmeticOp(addNums)},
		{[4]x86asm.Op{x86asm.SUBPS, x86asm.SUBPD, x86asm.SUBSS, x86asm.SUBSD}, arithmeticOp(subNums)},
		{[4]x86asm.Op{x86asm.MULPS, x86asm.MULPD, x86asm.MULSS, x86asm.MULSD}, arithmeticOp(mulNums)},
		{[4]x86asm.Op{x86asm.DIVPS, x86asm.DIVPD, x86asm.DIVSS, x86asm.DIVSD}, arithmeticOp(divNums)},
		{[4]x86asm.Op{x86asm.SQRTPS, x86asm.SQRTPD, x86asm.SQRTSS, x86asm.SQRTSD}, rootOp},
		{[4]x86asm.Op{x86asm.MINPS, x86asm.MINPD, x86asm.MINSS, x86asm.MINSD}, choice(-1)},
		{[4]x86asm.Op{x86asm.MAXPS, x86asm.MAXPD, x86asm.MAXSS, x86asm.MAXSD}, choice(1)},
	} {
		for i, k := range kinds {
			m[o.ops[i]] = floats(k.f, o.f, k.how, k.size)
		}
	}
	for i, op := range []x86asm.Op{x86asm.CMPPS, x86asm.CMPPD, x86asm.CMPSS, x86asm.CMPSD_XMM} {
		m[op] = comparisonsSSE(kinds[i].f, kinds[i].how, kinds[i].size)
	}
	m[x86asm.COMISS], m[x86asm.COMISD] = comis(single, 4, false), comis(double64, 8, false)
	m[x86asm.UCOMISS], m[x86asm.UCOMISD] = comis(single, 4, true), comis(double64, 8, true)
	addConversions(m)
}
