package x86

// x87 operations on one number, and those that take exponents apart.

// x87Sign is fchs and fabs: they change the sign of anything.
func x87Sign(f func(se uint16) uint16) operation {
	return func(c *CPU, in *insn) {
		o, ok := c.x87(in)
		if !ok {
			return
		}
		v := c.fpu.R[c.fpu.top()]
		v.SE = f(v.SE)
		if c.fpu.empty(0) {
			o.get(0)
			v = pack80(indefinite)
		}
		if o.finish() {
			o.set(0, v)
		}
	}
}

func fsqrt(c *CPU, in *insn) {
	if o, ok := c.x87(in); ok {
		x, valid := o.get(0)
		if v := pack80(o.compute(sqrtNums, x, x, valid, c.prec())); o.finish() {
			o.set(0, v)
		}
	}
}

func frndint(c *CPU, in *insn) {
	if o, ok := c.x87(in); ok {
		x, valid := o.get(0)
		if v := pack80(o.compute(roundToInt, x, x, valid, 64)); o.finish() {
			o.set(0, v)
		}
	}
}

func roundToInt(e *environment, _, n num) (exact, num, bool, bool) {
	if n.class != finite || n.exp >= 63 {
		return exact{}, n, true, true
	}
	x := exact{neg: n.neg, exp: 63}
	x.hi, x.lo = jam(n.sig, 0, uint(63-n.exp))
	m, carry, inexact := e.cut(x, 64)
	if inexact {
		e.post |= fpPE
	}
	if m == 0 {
		return exact{}, num{neg: n.neg}, true, true
	}
	up := e.up
	x.hi, x.lo = m, 0
	if carry {
		x.exp++
	}
	x.normalize()
	e.up = up
	return exact{}, num{class: infinite, neg: n.neg, exp: x.exp, sig: x.hi}.asFinite(), true, true
}

// asFinite is for results that are already rounded.
func (n num) asFinite() num {
	n.class = finite
	return n
}

// fscale multiplies by a power of two.
func fscale(c *CPU, in *insn) {
	if o, ok := c.x87(in); ok {
		x, ok1 := o.get(0)
		y, ok2 := o.get(1)
		if v := pack80(o.compute(scaleNums, x, y, ok1 && ok2, 64)); o.finish() {
			o.set(0, v)
		}
	}
}

func scaleNums(_ *environment, a, b num) (exact, num, bool, bool) {
	if b.class == infinite {
		if b.neg {
			return exact{}, num{neg: a.neg}, true, a.class != infinite
		}
		return exact{}, num{class: infinite, neg: a.neg, sig: integerBit}, true, a.class != zero
	}
	if a.class != finite || b.class == zero || b.exp < 0 {
		return exact{}, a, true, true
	}
	n := 1 << 17
	if b.exp < 17 {
		n = int(b.sig >> (63 - b.exp))
	}
	if b.neg {
		n = -n
	}
	x := a.exact()
	x.exp += n
	return x, num{}, false, true
}

// x87Remainder is fprem and, to the nearest quotient, fprem1. Where the
// exponents are far apart it does a part of the work and sets C2.
func x87Remainder(nearest bool) operation {
	return func(c *CPU, in *insn) {
		o, ok := c.x87(in)
		if !ok {
			return
		}
		x, ok1 := o.get(0)
		y, ok2 := o.get(1)
		codes := c.fpu.SW & (fpC0 | fpC3) // they stay where there is no quotient
		op := func(_ *environment, a, b num) (exact, num, bool, bool) {
			if a.class == infinite || b.class == zero {
				return exact{}, num{}, true, false
			}
			codes = 0
			if a.class == zero || b.class == infinite {
				return exact{}, a, true, true
			}
			r, q, partial := remainder(a, b, nearest)
			if partial {
				codes = fpC2
			} else {
				codes = uint16(q>>2&1)<<8 | uint16(q>>1&1)<<14 | uint16(q&1)<<9
			}
			return r, num{}, false, true
		}
		v := pack80(o.compute(op, x, y, ok1 && ok2, 64))
		if !o.finish() {
			c.fpu.SW &^= fpC2
			return
		}
		o.set(0, v)
		c.fpu.SW = c.fpu.SW&^(fpC0|fpC1|fpC2|fpC3) | codes
	}
}

func remainder(a, b num, nearest bool) (r exact, q uint64, partial bool) {
	d := a.exp - b.exp
	if d < -1 || d < 0 && !nearest {
		return a.exact(), 0, false
	}
	steps := d
	if d >= 64 {
		steps, partial = 32+d%32, true
	}
	// rest is the remainder in units of the last bit of b at the present place.
	rest, over := a.sig, uint64(0)
	exp := a.exp
	if d == -1 {
		exp, steps = b.exp, 0
		rest >>= 1 // what falls out is put back below
	}
	for i := 0; ; i++ {
		q <<= 1
		if d >= 0 && (over != 0 || rest >= b.sig) {
			rest -= b.sig
			q |= 1
		}
		if i >= steps {
			break
		}
		over = rest >> 63
		rest <<= 1
		exp--
	}
	r = exact{neg: a.neg, exp: exp, hi: rest}
	if d == -1 {
		r.lo = a.sig << 63
	}
	if nearest && !partial {
		// Compare twice the rest with b.
		twice, low := r.hi<<1|r.lo>>63, r.lo<<1
		more := r.hi>>63 != 0 || twice > b.sig || twice == b.sig && low != 0
		tie := r.hi>>63 == 0 && twice == b.sig && low == 0
		if more || tie && q&1 != 0 {
			q++
			lo := r.lo
			r.neg = !r.neg
			r.lo = -lo
			r.hi = b.sig - r.hi - bit(lo != 0)
		}
	}
	if r.hi|r.lo == 0 {
		return exact{neg: a.neg}, q, partial
	}
	r.normalize()
	return r, q, partial
}

// fxtract replaces ST by its exponent and pushes its significand.
func fxtract(c *CPU, in *insn) {
	o, ok := c.x87(in)
	if !ok {
		return
	}
	n, valid := o.get(0)
	sig, exp := n, n
	switch {
	case !valid:
	case n.class == nan:
		sig, _ = o.nans(n, n)
		exp = sig
	case n.class == zero:
		o.e.pre |= fpZE
		exp = num{class: infinite, neg: true, sig: integerBit}
	case n.class == infinite:
		exp.neg = false
	default:
		o.operandErrors(n)
		sig.exp = 0
		x, some := fromInt(int64(n.exp))
		exp = num{}
		if some {
			exp = o.e.round(x, extended, 64)
		}
	}
	low := pack80(exp)
	high := o.room(pack80(sig))
	if o.c1 {
		low = pack80(indefinite)
	}
	if o.finish() {
		o.set(0, low)
		c.fpu.setTop(c.fpu.top() - 1)
		o.set(0, high)
	}
}
