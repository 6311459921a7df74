package x86

// SDM vol. 1, 7.3.1: data transfer.

func mov[T word](where shape) operation {
	switch where {
	case regReg:
		return movRegReg[T]
	case regMem:
		return movRegMem[T]
	}
	return movMemReg[T]
}

func movRegReg[T word](c *CPU, in *insn) {
	setReg(c, in.a, in.aHigh, source[T](c, in))
}

func movRegMem[T word](c *CPU, in *insn) {
	if v, ok := load[T](c, c.ea(in), Read); ok {
		setReg(c, in.a, in.aHigh, v)
	}
}

func movMemReg[T word](c *CPU, in *insn) {
	store(c, c.ea(in), source[T](c, in))
}

// extend moves a smaller operand into a larger register.
func extend[To, From word](sign, mem bool) operation {
	switch {
	case mem && sign:
		return func(c *CPU, in *insn) {
			if v, ok := load[From](c, c.ea(in), Read); ok {
				setReg(c, in.a, 0, To(signed(v)))
			}
		}
	case mem:
		return func(c *CPU, in *insn) {
			if v, ok := load[From](c, c.ea(in), Read); ok {
				setReg(c, in.a, 0, To(v))
			}
		}
	case sign:
		return func(c *CPU, in *insn) {
			setReg(c, in.a, 0, To(signed(reg[From](c, in.b, in.bHigh))))
		}
	}
	return func(c *CPU, in *insn) {
		setReg(c, in.a, 0, To(reg[From](c, in.b, in.bHigh)))
	}
}

func lea[T word](c *CPU, in *insn) { setReg(c, in.a, 0, T(c.ea(in))) }

func cbw(c *CPU, _ *insn)  { setReg(c, RAX, 0, uint16(int8(c.r[RAX]))) }
func cwde(c *CPU, _ *insn) { setReg(c, RAX, 0, uint32(int16(c.r[RAX]))) }
func cdqe(c *CPU, _ *insn) { c.r[RAX] = uint64(int32(c.r[RAX])) }
func cwd(c *CPU, _ *insn)  { setReg(c, RDX, 0, uint16(int16(c.r[RAX])>>15)) }
func cdq(c *CPU, _ *insn)  { setReg(c, RDX, 0, uint32(int32(c.r[RAX])>>31)) }
func cqo(c *CPU, _ *insn)  { c.r[RDX] = uint64(int64(c.r[RAX]) >> 63) }

// xlat looks a byte up in the table at RBX.
func xlat(c *CPU, in *insn) {
	addr := c.r[in.seg&31] + (c.r[RBX]+c.r[RAX]&0xff)&in.mask
	if v, ok := load[uint8](c, addr, Read); ok {
		setReg(c, RAX, 0, v)
	}
}
