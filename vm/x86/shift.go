package x86

// SDM vol. 1, 7.3.6: shifts and rotates. A count of zero changes no flag.
// Undefined are AF after a shift (it becomes zero), OF where the count is not
// one (it follows the same formula), and CF where the count exceeds the size.

// A shifter computes a shifted operand; the count is not zero and below 64.
type shifter[T word] func(c *CPU, a T, n uint64) T

// shift makes a shifter an operation on operands, the count being the source.
func shift[T word](f shifter[T]) binaryOp[T] {
	mask := uint64(31)
	if sizeof[T]() == 8 {
		mask = 63
	}
	return func(c *CPU, a, b T) T {
		n := uint64(b) & mask
		if n == 0 {
			return a
		}
		return f(c, a, n)
	}
}

// top is the most significant bit, and below the one below it.
func top[T word](v T) bool   { return negative(v) }
func below[T word](v T) bool { return negative(v << 1) }

func shl[T word](c *CPU, a T, n uint64) T {
	r := a << n
	result(&c.f, r)
	cf := n <= width[T]() && uint64(a)>>(width[T]()-n)&1 != 0
	c.f.setCarry(cf, cf != top(r))
	return r
}

func shr[T word](c *CPU, a T, n uint64) T {
	r := a >> n
	result(&c.f, r)
	c.f.setCarry(a>>(n-1)&1 != 0, top(r) != below(r))
	return r
}

func sar[T word](c *CPU, a T, n uint64) T {
	r := T(signed(a) >> n)
	result(&c.f, r)
	c.f.setCarry(signed(a)>>(n-1)&1 != 0, false)
	return r
}

func rol[T word](c *CPU, a T, n uint64) T {
	n &= width[T]() - 1
	r := a<<n | a>>(width[T]()-n)
	cf := r&1 != 0
	c.f.setCarry(cf, cf != top(r))
	return r
}

func ror[T word](c *CPU, a T, n uint64) T {
	n &= width[T]() - 1
	r := a>>n | a<<(width[T]()-n)
	c.f.setCarry(top(r), top(r) != below(r))
	return r
}

func rcl[T word](c *CPU, a T, n uint64) T {
	n %= width[T]() + 1
	if n == 0 {
		return a
	}
	cf := a>>(width[T]()-n)&1 != 0
	r := a<<n | T(c.f.carry>>63)<<(n-1) | a>>(width[T]()-n+1)
	c.f.setCarry(cf, cf != top(r))
	return r
}

func rcr[T word](c *CPU, a T, n uint64) T {
	n %= width[T]() + 1
	if n == 0 {
		return a
	}
	cf := a>>(n-1)&1 != 0
	r := a>>n | T(c.f.carry>>63)<<(width[T]()-n) | a<<(width[T]()-n+1)
	c.f.setCarry(cf, top(r) != below(r))
	return r
}

// double shifts the destination and fills it from a register; the count is an
// immediate or CL. A 16-bit count above 16 is undefined: bits of the
// destination come in again.
func double[T word](left, mem bool) operation {
	f := shrd[T]
	if left {
		f = shld[T]
	}
	mask := uint64(31)
	if sizeof[T]() == 8 {
		mask = 63
	}
	count := func(c *CPU, in *insn) uint64 {
		if in.cond != 0 {
			return c.r[RCX] & mask
		}
		return in.imm & mask
	}
	if !mem {
		return func(c *CPU, in *insn) {
			a := reg[T](c, in.a, 0)
			if n := count(c, in); n != 0 {
				a = f(c, a, reg[T](c, in.b, 0), n)
			}
			setReg(c, in.a, 0, a)
		}
	}
	return func(c *CPU, in *insn) {
		addr := c.ea(in)
		a, ok := load[T](c, addr, Modify)
		if !ok {
			return
		}
		old := c.f
		if n := count(c, in); n != 0 {
			a = f(c, a, reg[T](c, in.b, 0), n)
		}
		if !store(c, addr, a) {
			c.f = old
		}
	}
}

func shld[T word](c *CPU, a, b T, n uint64) T {
	w := width[T]()
	r := a<<n | b>>(w-n)
	cf := uint64(a)>>(w-n)&1 != 0
	if n > w {
		r = b<<(n-w) | a>>(2*w-n)
		cf = uint64(b)>>(2*w-n)&1 != 0
	}
	result(&c.f, r)
	c.f.setCarry(cf, top(r) != top(a))
	return r
}

func shrd[T word](c *CPU, a, b T, n uint64) T {
	w := width[T]()
	r := a>>n | b<<(w-n)
	cf := uint64(a)>>(n-1)&1 != 0
	if n > w {
		r = b>>(n-w) | a<<(2*w-n)
		cf = uint64(b)>>(n-w-1)&1 != 0
	}
	result(&c.f, r)
	c.f.setCarry(cf, top(r) != top(a))
	return r
}
