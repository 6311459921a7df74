package x86

// SDM vol. 1, 7.3.8: control transfer. Targets that are not canonical fault at
// the target, as the fetch of it does.

// jump sets RIP to the target or to the next instruction.
func (c *CPU) jump(in *insn, taken bool) {
	c.rip = in.next
	if taken {
		c.rip = in.imm
	}
}

// jcc are the conditional jumps, by the low four bits of their opcodes.
var jcc = [16]operation{
	func(c *CPU, in *insn) { c.jump(in, c.f.of()) },
	func(c *CPU, in *insn) { c.jump(in, !c.f.of()) },
	func(c *CPU, in *insn) { c.jump(in, c.f.cf()) },
	func(c *CPU, in *insn) { c.jump(in, !c.f.cf()) },
	func(c *CPU, in *insn) { c.jump(in, c.f.zf()) },
	func(c *CPU, in *insn) { c.jump(in, !c.f.zf()) },
	func(c *CPU, in *insn) { c.jump(in, c.f.cf() || c.f.zf()) },
	func(c *CPU, in *insn) { c.jump(in, !c.f.cf() && !c.f.zf()) },
	func(c *CPU, in *insn) { c.jump(in, c.f.sf()) },
	func(c *CPU, in *insn) { c.jump(in, !c.f.sf()) },
	func(c *CPU, in *insn) { c.jump(in, c.f.pf()) },
	func(c *CPU, in *insn) { c.jump(in, !c.f.pf()) },
	func(c *CPU, in *insn) { c.jump(in, c.f.lt()) },
	func(c *CPU, in *insn) { c.jump(in, !c.f.lt()) },
	func(c *CPU, in *insn) { c.jump(in, c.f.lt() || c.f.zf()) },
	func(c *CPU, in *insn) { c.jump(in, !c.f.lt() && !c.f.zf()) },
}

func jmp(c *CPU, in *insn)    { c.rip = in.imm }
func jmpReg(c *CPU, in *insn) { c.branchTo(c.r[in.a&15]) }

func jmpMem(c *CPU, in *insn) {
	if v, ok := load[uint64](c, c.ea(in), Read); ok {
		c.branchTo(v)
	}
}

// branchTo goes to an address that a program has computed: one that is not
// canonical faults before the jump.
func (c *CPU) branchTo(addr uint64) bool {
	if !canonical(addr) {
		c.raise(GeneralProtection, 0, 0)
		return false
	}
	c.rip = addr
	return true
}

func call(c *CPU, in *insn) {
	if push(c, in.next) {
		c.rip = in.imm
	}
}

func callReg(c *CPU, in *insn) { c.callTo(in, c.r[in.a&15]) }

func callMem(c *CPU, in *insn) {
	if v, ok := load[uint64](c, c.ea(in), Read); ok {
		c.callTo(in, v)
	}
}

func (c *CPU) callTo(in *insn, addr uint64) {
	if sp := c.r[RSP]; c.branchTo(addr) && !push(c, in.next) {
		c.r[RSP] = sp
	}
}

// ret also releases imm bytes of arguments.
func ret(c *CPU, in *insn) {
	if v, ok := load[uint64](c, c.r[RSP], Read); ok && c.branchTo(v) {
		c.r[RSP] += 8 + in.imm
	}
}

// count is RCX, or ECX with the prefix 67.
func (c *CPU) count(in *insn) uint64 { return c.r[RCX] & in.mask }

func (c *CPU) setCount(in *insn, n uint64) {
	c.r[RCX] = n & in.mask // 32 bits clear the upper half
}

func jrcxz(c *CPU, in *insn) { c.jump(in, c.count(in) == 0) }

func loop(c *CPU, in *insn) {
	c.setCount(in, c.count(in)-1)
	c.jump(in, c.count(in) != 0)
}

func loope(c *CPU, in *insn) {
	c.setCount(in, c.count(in)-1)
	c.jump(in, c.count(in) != 0 && c.f.zf())
}

func loopne(c *CPU, in *insn) {
	c.setCount(in, c.count(in)-1)
	c.jump(in, c.count(in) != 0 && !c.f.zf())
}
