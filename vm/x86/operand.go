package x86

// An operation executes one instruction. It raises an exception before it
// changes anything.
type operation func(c *CPU, in *insn)

// An insn is a decoded instruction.
type insn struct {
	run  operation
	addr uint64 // of its first byte
	next uint64 // of the instruction behind it
	imm  uint64 // immediate operand, its sign extended; target of a relative branch

	// The memory operand: ea.
	disp  uint64
	mask  uint64 // of the address: all ones, or 32 of them
	seg   uint8  // fsBase, gsBase or zeroReg
	base  uint8
	index uint8
	scale uint8

	// Register operands: the number, and 8 for ah, ch, dh and bh. An operand
	// that is not there is zeroReg.
	a, aHigh uint8
	b, bHigh uint8

	size   uint8 // of the operands, in bytes
	cond   uint8 // the condition, the predicate or the selector of an operation
	rep    byte  // 0xf2, 0xf3 or 0
	lock   bool
	branch bool // sets RIP itself
	last   bool // ends a block
	alone  bool // begins a block as well
	stack  bool // a bad address is a stack fault
}

// ea is the address of the memory operand (SDM vol. 1, 3.7.5).
func (c *CPU) ea(in *insn) uint64 {
	return c.r[in.seg&31] + (c.r[in.base&31]+c.r[in.index&31]<<(in.scale&63)+in.disp)&in.mask
}

func reg[T word](c *CPU, n, high uint8) T {
	return T(c.r[n&31] >> (high & 63))
}

// setReg writes a general register: 32 bits clear the upper half, fewer leave
// the rest as it is (SDM vol. 1, 3.4.1.1).
func setReg[T word](c *CPU, n, high uint8, v T) {
	switch r := &c.r[n&15]; sizeof[T]() {
	case 1:
		*r = *r&^(0xff<<(high&63)) | uint64(v)<<(high&63)
	case 2:
		*r = *r&^0xffff | uint64(v)
	default:
		*r = uint64(v)
	}
}

// source is the second operand where it is a register or an immediate: the
// other of the two is zero.
func source[T word](c *CPU, in *insn) T {
	return reg[T](c, in.b, in.bHigh) + T(in.imm)
}

// access is how the operand that an instruction changes is read.
func (in *insn) access() Access {
	if in.lock {
		return Atomic
	}
	return Modify
}

// sized is an operation for each size of operands.
type sized struct{ b, w, l, q operation }

func (s sized) of(size uint8) operation {
	switch size {
	case 1:
		return s.b
	case 2:
		return s.w
	case 4:
		return s.l
	case 8:
		return s.q
	}
	return nil
}

// A unary operation computes the new value of an operand; a binary one does so
// from another operand as well. They set flags, which are taken back if the
// result cannot be stored.
type (
	unaryOp[T word]  func(c *CPU, a T) T
	binaryOp[T word] func(c *CPU, a, b T) T
)

// change applies a unary operation to a register or to memory.
func change[T word](f unaryOp[T], mem bool) operation {
	if !mem {
		return func(c *CPU, in *insn) {
			setReg(c, in.a, in.aHigh, f(c, reg[T](c, in.a, in.aHigh)))
		}
	}
	return func(c *CPU, in *insn) {
		addr := c.ea(in)
		a, ok := load[T](c, addr, in.access())
		if !ok {
			return
		}
		old := c.f
		if !store(c, addr, f(c, a)) {
			c.f = old
		}
		c.release()
	}
}

// combine applies a binary operation to a register or memory, and the source.
func combine[T word](f binaryOp[T], where shape) operation {
	switch where {
	case regReg:
		return func(c *CPU, in *insn) {
			setReg(c, in.a, in.aHigh, f(c, reg[T](c, in.a, in.aHigh), source[T](c, in)))
		}
	case regMem:
		return func(c *CPU, in *insn) {
			if b, ok := load[T](c, c.ea(in), Read); ok {
				setReg(c, in.a, in.aHigh, f(c, reg[T](c, in.a, in.aHigh), b))
			}
		}
	}
	return func(c *CPU, in *insn) {
		addr := c.ea(in)
		a, ok := load[T](c, addr, in.access())
		if !ok {
			return
		}
		old := c.f
		if !store(c, addr, f(c, a, source[T](c, in))) {
			c.f = old
		}
		c.release()
	}
}

// compare applies a binary operation for its flags alone.
func compare[T word](f binaryOp[T], where shape) operation {
	switch where {
	case regReg:
		return func(c *CPU, in *insn) {
			f(c, reg[T](c, in.a, in.aHigh), source[T](c, in))
		}
	case regMem:
		return func(c *CPU, in *insn) {
			if b, ok := load[T](c, c.ea(in), Read); ok {
				f(c, reg[T](c, in.a, in.aHigh), b)
			}
		}
	}
	return func(c *CPU, in *insn) {
		if a, ok := load[T](c, c.ea(in), Read); ok {
			f(c, a, source[T](c, in))
		}
	}
}

// release ends what a locked instruction holds.
func (c *CPU) release() { c.held = span{} }

// A shape says where the operands are; an immediate counts as a register.
type shape uint8

const (
	regReg shape = iota
	regMem
	memReg
)
