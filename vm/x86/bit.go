package x86

import "math/bits"

// SDM vol. 1, 7.3.7: bits and bytes.

// A bitOp computes the new value of the word with the bit m.
type bitOp[T word] func(a, m T) T

func bts[T word](a, m T) T { return a | m }
func btr[T word](a, m T) T { return a &^ m }
func btc[T word](a, m T) T { return a ^ m }

// testBit puts a bit into CF, the only flag that changes (OF, SF, AF and PF are
// undefined), and applies f to it unless f is nil. The number of the bit is a
// register or an immediate; that in a register may lie outside of the operand
// where that is memory.
func testBit[T word](f bitOp[T], mem bool) operation {
	if !mem {
		return func(c *CPU, in *insn) {
			a := reg[T](c, in.a, 0)
			m := T(1) << (uint64(source[T](c, in)) & (width[T]() - 1))
			c.f.setCF(a&m != 0)
			if f != nil {
				setReg(c, in.a, 0, f(a, m))
			}
		}
	}
	return func(c *CPU, in *insn) {
		addr := c.ea(in)
		if in.b != zeroReg {
			n := signed(reg[T](c, in.b, 0))
			addr = c.r[in.seg&31] + (addr-c.r[in.seg&31]+uint64(n>>bits.TrailingZeros64(width[T]()))*sizeof[T]())&in.mask
		}
		m := T(1) << (uint64(source[T](c, in)) & (width[T]() - 1))
		access := Read
		if f != nil {
			access = in.access()
		}
		a, ok := load[T](c, addr, access)
		if !ok {
			return
		}
		if f == nil || store(c, addr, f(a, m)) {
			c.f.setCF(a&m != 0)
		}
		c.release()
	}
}

// bsf and bsr leave the destination alone and set ZF where the source is zero;
// the other flags are undefined (those of the source).

func bsf[T word](c *CPU, a, b T) T {
	result(&c.f, b)
	if b == 0 {
		return a
	}
	return T(bits.TrailingZeros64(uint64(b)))
}

func bsr[T word](c *CPU, a, b T) T {
	result(&c.f, b)
	if b == 0 {
		return a
	}
	return T(bits.Len64(uint64(b)) - 1)
}

// scan applies bsf or bsr. With a source of zero not even the upper half of a
// 32-bit destination changes.
func scan[T word](f binaryOp[T], mem bool) operation {
	return func(c *CPU, in *insn) {
		b := reg[T](c, in.b, 0)
		if mem {
			var ok bool
			if b, ok = load[T](c, c.ea(in), Read); !ok {
				return
			}
		}
		if r := f(c, 0, b); b != 0 {
			setReg(c, in.a, 0, r)
		}
	}
}

func bswap32(c *CPU, in *insn) { c.r[in.a&15] = uint64(bits.ReverseBytes32(uint32(c.r[in.a&15]))) }
func bswap64(c *CPU, in *insn) { c.r[in.a&15] = bits.ReverseBytes64(c.r[in.a&15]) }

// bswap16 is undefined; processors store zero.
func bswap16(c *CPU, in *insn) { setReg[uint16](c, in.a, 0, 0) }

// setcc stores a condition.
func setcc(cond func(*flags) bool, mem bool) operation {
	if !mem {
		return func(c *CPU, in *insn) { setReg(c, in.a, in.aHigh, uint8(bit(cond(&c.f)))) }
	}
	return func(c *CPU, in *insn) { store(c, c.ea(in), uint8(bit(cond(&c.f)))) }
}

// cmov reads its source in any case, and clears the upper half of a 32-bit
// destination in any case.
func cmov[T word](cond func(*flags) bool, mem bool) operation {
	return func(c *CPU, in *insn) {
		b := reg[T](c, in.b, 0)
		if mem {
			var ok bool
			if b, ok = load[T](c, c.ea(in), Read); !ok {
				return
			}
		}
		if !cond(&c.f) {
			b = reg[T](c, in.a, 0)
		}
		setReg(c, in.a, 0, b)
	}
}
