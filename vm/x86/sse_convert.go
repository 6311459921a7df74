package x86

import "golang.org/x/arch/x86/x86asm"

// SDM vol. 1, 11.4.1.6: conversions.

// reformat converts between formats.
func (e *environment) reformat(to, from *format, b uint64) uint64 {
	n := e.operand(from, b)
	switch n.class {
	case nan:
		if n.signaling() {
			e.pre |= fpIE
		}
		n = n.quiet()
		n.sig &= ^uint64(0) << (64 - to.prec)
	case finite:
		if n.denormal {
			e.pre |= fpDE
		}
		n = e.round(n.exact(), to, to.prec)
	}
	return to.pack(n)
}

// integer converts to an integer of 32 or 64 bits, the indefinite one where it
// does not fit.
func (e *environment) integer(f *format, b uint64, size uint) uint64 {
	v, ok := e.toInt(e.operand(f, b), size)
	if !ok {
		e.pre |= fpIE
		v = -1 << (size - 1)
	}
	return uint64(v) & (^uint64(0) >> (64 - size))
}

// float converts from an integer.
func (e *environment) float(f *format, v int64) uint64 {
	x, ok := fromInt(v)
	if !ok {
		return 0
	}
	return f.pack(e.round(x, f, f.prec))
}

// conversions makes a builder of a conversion between vectors.
func conversions(size uint8, trunc bool, f func(e *environment, a, b vec) vec) builder {
	run := func(c *CPU, in *insn) {
		b, ok := c.vecSource(in)
		if !ok {
			return
		}
		e := c.environment()
		if trunc {
			e.mode = roundZero
		}
		if r := f(&e, c.xmm[in.a&15], b); c.commit(&e) {
			c.xmm[in.a&15] = r
		}
	}
	return func(d *decoding) bool {
		d.run = run
		return d.vectorOperands(size)
	}
}

func cvtss2sd(e *environment, a, b vec) vec {
	return vec{e.reformat(double64, single, b[0]&0xffffffff), a[1]}
}

func cvtsd2ss(e *environment, a, b vec) vec {
	setLane(&a, 0, uint32(e.reformat(single, double64, b[0])))
	return a
}

func cvtps2pd(e *environment, _, b vec) vec {
	return vec{e.reformat(double64, single, b[0]&0xffffffff), e.reformat(double64, single, b[0]>>32)}
}

func cvtpd2ps(e *environment, _, b vec) vec {
	return vec{e.reformat(single, double64, b[0]) | e.reformat(single, double64, b[1])<<32}
}

func cvtps2dq(e *environment, _, b vec) (r vec) {
	for i := range uint64(4) {
		setLane(&r, i, uint32(e.integer(single, uint64(lane[uint32](b, i)), 32)))
	}
	return r
}

func cvtpd2dq(e *environment, _, b vec) vec {
	return vec{e.integer(double64, b[0], 32) | e.integer(double64, b[1], 32)<<32}
}

func cvtdq2ps(e *environment, _, b vec) (r vec) {
	for i := range uint64(4) {
		setLane(&r, i, uint32(e.float(single, int64(int32(lane[uint32](b, i))))))
	}
	return r
}

func cvtdq2pd(e *environment, _, b vec) vec {
	return vec{e.float(double64, int64(int32(b[0]))), e.float(double64, int64(b[0])>>32)}
}

// toGeneral converts to a general register.
func toGeneral(f *format, size uint8, trunc bool) builder {
	run := func(c *CPU, in *insn) {
		b, ok := c.vecSource(in)
		if !ok {
			return
		}
		e := c.environment()
		if trunc {
			e.mode = roundZero
		}
		if v := e.integer(f, b[0], uint(in.cond)); c.commit(&e) {
			c.r[in.a&15] = v
		}
	}
	return func(d *decoding) bool {
		d.run = run
		d.cond = 8 * d.first()
		if d.isMem(1) {
			d.size = size
			return true
		}
		var ok bool
		d.b, ok = xmmReg(d.inst.Args[1])
		return ok
	}
}

// fromGeneral converts from a general register or memory.
func fromGeneral(f *format) builder {
	put := func(c *CPU, in *insn, v int64) {
		e := c.environment()
		r := e.float(f, v)
		if !c.commit(&e) {
			return
		}
		if f.prec == 24 {
			setLane(&c.xmm[in.a&15], 0, uint32(r))
		} else {
			c.xmm[in.a&15][0] = r
		}
	}
	return func(d *decoding) (ok bool) {
		d.second(1)
		switch mem, wide := d.isMem(1), d.rex&8 != 0; {
		case mem && wide:
			d.run = func(c *CPU, in *insn) {
				if v, ok := load[uint64](c, c.ea(in), Read); ok {
					put(c, in, int64(v))
				}
			}
		case mem:
			d.run = func(c *CPU, in *insn) {
				if v, ok := load[uint32](c, c.ea(in), Read); ok {
					put(c, in, int64(int32(v)))
				}
			}
		case wide:
			d.run = func(c *CPU, in *insn) { put(c, in, int64(c.r[in.b&15])) }
		default:
			d.run = func(c *CPU, in *insn) { put(c, in, int64(int32(c.r[in.b&15]))) }
		}
		d.a, ok = xmmReg(d.inst.Args[0])
		return ok
	}
}

func addConversions(m map[x86asm.Op]builder) {
	m[x86asm.CVTSS2SD], m[x86asm.CVTSD2SS] = conversions(4, false, cvtss2sd), conversions(8, false, cvtsd2ss)
	m[x86asm.CVTPS2PD], m[x86asm.CVTPD2PS] = conversions(8, false, cvtps2pd), conversions(16, false, cvtpd2ps)
	m[x86asm.CVTPS2DQ], m[x86asm.CVTTPS2DQ] = conversions(16, false, cvtps2dq), conversions(16, true, cvtps2dq)
	m[x86asm.CVTPD2DQ], m[x86asm.CVTTPD2DQ] = conversions(16, false, cvtpd2dq), conversions(16, true, cvtpd2dq)
	m[x86asm.CVTDQ2PS], m[x86asm.CVTDQ2PD] = conversions(16, false, cvtdq2ps), conversions(8, false, cvtdq2pd)
	m[x86asm.CVTSS2SI], m[x86asm.CVTTSS2SI] = toGeneral(single, 4, false), toGeneral(single, 4, true)
	m[x86asm.CVTSD2SI], m[x86asm.CVTTSD2SI] = toGeneral(double64, 8, false), toGeneral(double64, 8, true)
	m[x86asm.CVTSI2SS], m[x86asm.CVTSI2SD] = fromGeneral(single), fromGeneral(double64)
}
