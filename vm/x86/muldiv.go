package x86

import "math/bits"

// SDM vol. 1, 7.3.2.5: multiply and divide. After a multiplication SF, ZF and
// PF are undefined (they follow the low half of the product) and AF (zero);
// after a division all flags are (they stay).

// operand reads the source of an instruction with one explicit operand.
func operand[T word](c *CPU, in *insn, mem bool) (T, bool) {
	if mem {
		return load[T](c, c.ea(in), Read)
	}
	return reg[T](c, in.a, in.aHigh), true
}

// halves reads and writes the double-sized accumulator: AX, or rDX:rAX.
func halves[T word](c *CPU) (hi, lo T) {
	if sizeof[T]() == 1 {
		return reg[T](c, RAX, 8), reg[T](c, RAX, 0)
	}
	return reg[T](c, RDX, 0), reg[T](c, RAX, 0)
}

func setHalves[T word](c *CPU, hi, lo T) {
	if sizeof[T]() == 1 {
		setReg(c, RAX, 8, hi)
	} else {
		setReg(c, RDX, 0, hi)
	}
	setReg(c, RAX, 0, lo)
}

func mul[T word](mem bool) operation {
	return func(c *CPU, in *insn) {
		b, ok := operand[T](c, in, mem)
		if !ok {
			return
		}
		h, l := bits.Mul64(uint64(reg[T](c, RAX, 0)), uint64(b))
		hi, lo := T(h), T(l)
		if sizeof[T]() < 8 {
			hi = T(l >> (width[T]() & 63))
		}
		setHalves(c, hi, lo)
		result(&c.f, lo)
		c.f.setCarry(hi != 0, hi != 0)
	}
}

// product multiplies signed numbers and says whether the low half is not all.
func product[T word](a, b T) (hi, lo T, overflow bool) {
	if sizeof[T]() < 8 {
		p := signed(a) * signed(b)
		return T(p >> (width[T]() & 63)), T(p), p != signed(T(p))
	}
	h, l := bits.Mul64(uint64(a), uint64(b))
	if signed(a) < 0 {
		h -= uint64(b)
	}
	if signed(b) < 0 {
		h -= uint64(a)
	}
	return T(h), T(l), h != uint64(int64(l)>>63)
}

func imul1[T word](mem bool) operation {
	return func(c *CPU, in *insn) {
		b, ok := operand[T](c, in, mem)
		if !ok {
			return
		}
		hi, lo, over := product(reg[T](c, RAX, 0), b)
		setHalves(c, hi, lo)
		result(&c.f, lo)
		c.f.setCarry(over, over)
	}
}

func imul2[T word](c *CPU, a, b T) T {
	_, lo, over := product(a, b)
	result(&c.f, lo)
	c.f.setCarry(over, over)
	return lo
}

// imul3 multiplies a register or memory by an immediate.
func imul3[T word](mem bool) operation {
	return func(c *CPU, in *insn) {
		b := reg[T](c, in.b, 0)
		if mem {
			var ok bool
			if b, ok = load[T](c, c.ea(in), Read); !ok {
				return
			}
		}
		setReg(c, in.a, 0, imul2(c, b, T(in.imm)))
	}
}

func div[T word](mem bool) operation {
	return func(c *CPU, in *insn) {
		b, ok := operand[T](c, in, mem)
		if !ok {
			return
		}
		hi, lo := halves[T](c)
		if b <= hi { // also division by zero
			c.raise(DivideError, 0, 0)
			return
		}
		if sizeof[T]() == 8 {
			q, r := bits.Div64(uint64(hi), uint64(lo), uint64(b))
			setHalves(c, T(r), T(q))
			return
		}
		n := uint64(hi)<<(width[T]()&63) | uint64(lo)
		setHalves(c, T(n%uint64(b)), T(n/uint64(b)))
	}
}

func idiv[T word](mem bool) operation {
	return func(c *CPU, in *insn) {
		b, ok := operand[T](c, in, mem)
		if !ok {
			return
		}
		hi, lo := halves[T](c)
		q, r, ok := signedDiv(hi, lo, b)
		if !ok {
			c.raise(DivideError, 0, 0)
			return
		}
		setHalves(c, r, q)
	}
}

// signedDiv divides magnitudes and then gives the quotient its sign, and the
// remainder that of the dividend.
func signedDiv[T word](hi, lo, b T) (q, r T, ok bool) {
	minus := negative(hi)
	if minus {
		lo = -lo
		hi = ^hi
		if lo == 0 {
			hi++
		}
	}
	d := b
	if negative(b) {
		d = -b
	}
	if d <= hi {
		return 0, 0, false
	}
	if sizeof[T]() == 8 {
		q64, r64 := bits.Div64(uint64(hi), uint64(lo), uint64(d))
		q, r = T(q64), T(r64)
	} else {
		n := uint64(hi)<<(width[T]()&63) | uint64(lo)
		q, r = T(n/uint64(d)), T(n%uint64(d))
	}
	if minus {
		r = -r
	}
	if minus != negative(b) {
		if q = -q; q != 0 && !negative(q) {
			return 0, 0, false
		}
		return q, r, true
	}
	return q, r, !negative(q)
}
