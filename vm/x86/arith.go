package x86

// SDM vol. 1, 7.3.2: binary arithmetic.

func add[T word](c *CPU, a, b T) T {
	r := a + b
	sum(&c.f, a, b, r)
	return r
}

func adc[T word](c *CPU, a, b T) T {
	r := a + b + T(c.f.carry>>63)
	sum(&c.f, a, b, r)
	return r
}

// sub is also cmp.
func sub[T word](c *CPU, a, b T) T {
	r := a - b
	diff(&c.f, a, b, r)
	return r
}

func sbb[T word](c *CPU, a, b T) T {
	r := a - b - T(c.f.carry>>63)
	diff(&c.f, a, b, r)
	return r
}

func inc[T word](c *CPU, a T) T {
	cf := c.f.cf()
	r := a + 1
	sum(&c.f, a, 1, r)
	c.f.setCF(cf)
	return r
}

func dec[T word](c *CPU, a T) T {
	cf := c.f.cf()
	r := a - 1
	diff(&c.f, a, 1, r)
	c.f.setCF(cf)
	return r
}

func neg[T word](c *CPU, a T) T {
	r := -a
	diff(&c.f, 0, a, r)
	return r
}

// xadd exchanges and adds; the destination is memory or a register.
func xadd[T word](mem bool) operation {
	if !mem {
		return func(c *CPU, in *insn) {
			a, b := reg[T](c, in.a, in.aHigh), reg[T](c, in.b, in.bHigh)
			setReg(c, in.b, in.bHigh, a)
			setReg(c, in.a, in.aHigh, add(c, a, b))
		}
	}
	return func(c *CPU, in *insn) {
		addr := c.ea(in)
		a, ok := load[T](c, addr, in.access())
		if !ok {
			return
		}
		old := c.f
		if store(c, addr, add(c, a, reg[T](c, in.b, in.bHigh))) {
			setReg(c, in.b, in.bHigh, a)
		} else {
			c.f = old
		}
		c.release()
	}
}

// cmpxchg compares the accumulator with the destination. Memory is written in
// any case.
func cmpxchg[T word](mem bool) operation {
	if !mem {
		return func(c *CPU, in *insn) {
			a, acc := reg[T](c, in.a, in.aHigh), reg[T](c, RAX, 0)
			sub(c, acc, a)
			if acc == a {
				setReg(c, in.a, in.aHigh, reg[T](c, in.b, in.bHigh))
			} else {
				setReg(c, RAX, 0, a)
			}
		}
	}
	return func(c *CPU, in *insn) {
		addr := c.ea(in)
		a, ok := load[T](c, addr, in.access())
		if !ok {
			return
		}
		acc := reg[T](c, RAX, 0)
		v := a
		if acc == a {
			v = reg[T](c, in.b, in.bHigh)
		}
		if store(c, addr, v) {
			sub(c, acc, a)
			if acc != a {
				setReg(c, RAX, 0, a)
			}
		}
		c.release()
	}
}

// cmpxchg8b changes ZF alone.
func cmpxchg8b(c *CPU, in *insn) {
	addr := c.ea(in)
	m, ok := load[uint64](c, addr, in.access())
	if !ok {
		return
	}
	v := m
	equal := m == c.r[RDX]<<32|c.r[RAX]&0xffffffff
	if equal {
		v = c.r[RCX]<<32 | c.r[RBX]&0xffffffff
	}
	if store(c, addr, v) {
		c.setZF(equal)
		if !equal {
			c.r[RAX], c.r[RDX] = m&0xffffffff, m>>32
		}
	}
	c.release()
}

// cmpxchg16b needs an aligned operand.
func cmpxchg16b(c *CPU, in *insn) {
	addr := c.ea(in)
	if addr&15 != 0 {
		c.raise(GeneralProtection, 0, 0)
		return
	}
	m, ok := c.load128(addr, in.access())
	if !ok {
		return
	}
	v := m
	equal := m == [2]uint64{c.r[RAX], c.r[RDX]}
	if equal {
		v = [2]uint64{c.r[RBX], c.r[RCX]}
	}
	if c.store128(addr, v) {
		c.setZF(equal)
		if !equal {
			c.r[RAX], c.r[RDX] = m[0], m[1]
		}
	}
	c.release()
}

func (c *CPU) setZF(zf bool) {
	c.f = unpack(c.f.pack()&^ZF | bit(zf)<<6)
}

// xchg with memory is locked whether it says so or not (SDM vol. 3, 8.1.2).
func xchg[T word](mem bool) operation {
	if !mem {
		return func(c *CPU, in *insn) {
			a, b := reg[T](c, in.a, in.aHigh), reg[T](c, in.b, in.bHigh)
			setReg(c, in.a, in.aHigh, b)
			setReg(c, in.b, in.bHigh, a)
		}
	}
	return func(c *CPU, in *insn) {
		addr := c.ea(in)
		a, ok := load[T](c, addr, Atomic)
		if !ok {
			return
		}
		if store(c, addr, reg[T](c, in.b, in.bHigh)) {
			setReg(c, in.b, in.bHigh, a)
		}
		c.release()
	}
}
