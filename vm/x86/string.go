package x86

// SDM vol. 1, 7.3.9: strings. One iteration is one instruction to the outside:
// RIP stays at a repeated instruction until the last one, the registers show
// how far it has come, and the flags change only with the iteration that ends
// it, as Intel processors do it.

// An iteration does the work of one element and moves the pointers. It reports
// whether it could; again is false where the comparison ends the repetition.
type iteration func(c *CPU, in *insn) bool

// repeat executes a string instruction: once, or as often as its prefix says
// and the budget allows.
func repeat(f iteration, compares bool) operation {
	return func(c *CPU, in *insn) {
		c.rip = in.next
		if in.rep == 0 {
			f(c, in)
			return
		}
		n := c.count(in)
		if n == 0 {
			// A 32-bit count of zero leaves RCX alone.
			return
		}
		for done := uint64(0); ; {
			old := c.f
			if !f(c, in) {
				if done > 0 { // what has been done stays
					c.extra += done
				}
				return
			}
			done++
			n--
			c.setCount(in, n)
			if n == 0 || compares && c.f.zf() == (in.rep == 0xf2) {
				c.extra += done - 1
				return
			}
			if compares {
				c.f = old
			}
			if done >= c.left || c.stop || c.recheck {
				c.extra += done - 1
				c.rip = in.addr
				return
			}
		}
	}
}

// advance moves a pointer by one element.
func (c *CPU) advance(in *insn, r int, size uint64) {
	if c.sys&DF != 0 {
		size = -size
	}
	c.r[r] = (c.r[r] + size) & in.mask
}

func (c *CPU) si(in *insn) uint64 { return c.r[in.seg&31] + c.r[RSI]&in.mask }
func (c *CPU) di(in *insn) uint64 { return c.r[RDI] & in.mask }

func movs[T word](c *CPU, in *insn) bool {
	v, ok := load[T](c, c.si(in), Read)
	if !ok || !store(c, c.di(in), v) {
		return false
	}
	c.advance(in, RSI, sizeof[T]())
	c.advance(in, RDI, sizeof[T]())
	return true
}

func stos[T word](c *CPU, in *insn) bool {
	if !store(c, c.di(in), reg[T](c, RAX, 0)) {
		return false
	}
	c.advance(in, RDI, sizeof[T]())
	return true
}

func lods[T word](c *CPU, in *insn) bool {
	v, ok := load[T](c, c.si(in), Read)
	if !ok {
		return false
	}
	setReg(c, RAX, 0, v)
	c.advance(in, RSI, sizeof[T]())
	return true
}

func scas[T word](c *CPU, in *insn) bool {
	v, ok := load[T](c, c.di(in), Read)
	if !ok {
		return false
	}
	sub(c, reg[T](c, RAX, 0), v)
	c.advance(in, RDI, sizeof[T]())
	return true
}

func cmps[T word](c *CPU, in *insn) bool {
	a, ok := load[T](c, c.si(in), Read)
	if !ok {
		return false
	}
	b, ok := load[T](c, c.di(in), Read)
	if !ok {
		return false
	}
	sub(c, a, b)
	c.advance(in, RSI, sizeof[T]())
	c.advance(in, RDI, sizeof[T]())
	return true
}
