package x86

// SDM vol. 1, 6.2: the stack. Operands are 8 bytes, or 2 with the prefix 66.

// push stores below the top and moves it.
func push[T word](c *CPU, v T) bool {
	sp := c.r[RSP] - sizeof[T]()
	if !store(c, sp, v) {
		c.onStack()
		return false
	}
	c.r[RSP] = sp
	return true
}

// onStack says that the address that is not canonical was the stack's, not that
// of the operand.
func (c *CPU) onStack() {
	if c.exc.Kind == GeneralProtection {
		c.exc = Exception{Kind: StackFault}
	}
}

func pushReg[T word](c *CPU, in *insn) { push(c, source[T](c, in)) }

func pushMem[T word](c *CPU, in *insn) {
	if v, ok := load[T](c, c.ea(in), Read); ok {
		push(c, v)
	}
}

func popReg[T word](c *CPU, in *insn) {
	if v, ok := load[T](c, c.r[RSP], Read); ok {
		c.r[RSP] += sizeof[T]()
		setReg(c, in.a, 0, v)
	}
}

// popMem computes its address after it has moved the top.
func popMem[T word](c *CPU, in *insn) {
	sp := c.r[RSP]
	v, ok := load[T](c, sp, Read)
	if !ok {
		c.onStack()
		return
	}
	c.r[RSP] += sizeof[T]()
	if !store(c, c.ea(in), v) {
		c.r[RSP] = sp
	}
}

func pushf[T word](c *CPU, _ *insn) { push(c, T(c.RFLAGS()&^RF)) }

// popf changes neither IF nor IOPL in user mode. TF counts from the next
// instruction on.
func popf[T word](c *CPU, _ *insn) {
	v, ok := load[T](c, c.r[RSP], Read)
	if !ok {
		return
	}
	c.r[RSP] += sizeof[T]()
	mask := uint64(popfMask) & uint64(^T(0))
	c.SetRFLAGS((c.RFLAGS()&^mask | uint64(v)&mask) &^ RF)
}

// enter makes a frame (SDM vol. 1, 6.6.1). cond is the level.
func enter[T word](c *CPU, in *insn) {
	size := sizeof[T]()
	sp := c.r[RSP] - size
	if !store(c, sp, T(c.r[RBP])) {
		return
	}
	frame := sp
	for i := uint64(1); i < uint64(in.cond); i++ {
		v, ok := load[T](c, c.r[RBP]-i*size, Read)
		if !ok {
			return
		}
		if sp -= size; !store(c, sp, v) {
			return
		}
	}
	if in.cond > 0 {
		if sp -= size; !store(c, sp, T(frame)) {
			return
		}
	}
	sp -= in.imm
	if _, ok := load[T](c, sp, Modify); !ok { // the new top must be writable
		return
	}
	setReg(c, RBP, 0, T(frame))
	c.r[RSP] = sp
}

func leave[T word](c *CPU, _ *insn) {
	if v, ok := load[T](c, c.r[RBP], Read); ok {
		c.r[RSP] = c.r[RBP] + sizeof[T]()
		setReg(c, RBP, 0, v)
	}
}

// lahf and sahf move SF, ZF, AF, PF and CF.

func lahf(c *CPU, _ *insn) { setReg(c, RAX, 8, uint8(c.f.pack()|fixed)) }

func sahf(c *CPU, _ *insn) {
	const low = SF | ZF | AF | PF | CF
	c.f = unpack(c.f.pack()&^low | c.r[RAX]>>8&low)
}

func clc(c *CPU, _ *insn) { c.f.setCF(false) }
func stc(c *CPU, _ *insn) { c.f.setCF(true) }
func cmc(c *CPU, _ *insn) { c.f.setCF(!c.f.cf()) }
func cld(c *CPU, _ *insn) { c.sys &^= DF }
func std(c *CPU, _ *insn) { c.sys |= DF }
