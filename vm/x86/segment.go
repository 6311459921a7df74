package x86

// The segment registers, as far as a 64-bit program on Linux has a use for them.
// The descriptors of its table are those of Linux; other programs of a machine
// have no segments of their own.

// The numbers of the segment registers, as instructions encode them.
const (
	segES = iota
	segCS
	segSS
	segDS
	segFS
	segGS
)

// The selectors of user programs (arch/x86/include/asm/segment.h).
const (
	userCS  = 0x33
	userCPU = 0x7b // the number of the processor is its limit
	userDS  = 0x2b
	user32  = 0x23 // code of 32 bits, which is not executed
)

// slot is where a data segment register is kept.
var slot = [6]uint8{segES: 0, segDS: 1, segFS: 2, segGS: 3}

// selector reads a segment register. CS and SS are always the same.
func (c *CPU) selector(n uint8) uint16 {
	switch n {
	case segCS:
		return userCS
	case segSS:
		return userDS
	}
	return c.sel[slot[n]]
}

// setSelector loads a segment register (SDM vol. 2, MOV): #GP if the segment is
// not for programs, or not for this register. Loading FS or GS clears the base.
func (c *CPU) setSelector(n uint8, v uint16) bool {
	ok := v&^3 == 0 // the null selector
	switch v | 3 {
	case userCS, userCPU, userDS, user32:
		ok = true
	}
	if n == segSS {
		ok = v == userDS
	}
	if !ok {
		c.raise(GeneralProtection, uint32(v&^3), 0)
		return false
	}
	switch n {
	case segSS:
		return true
	case segFS:
		c.r[fsBase] = 0
	case segGS:
		c.r[gsBase] = 0
	}
	c.sel[slot[n]] = v
	return true
}

// movFromSegment reads a segment register.
func movFromSegment[T word](mem bool) operation {
	if mem {
		return func(c *CPU, in *insn) { store(c, c.ea(in), c.selector(in.cond)) }
	}
	return func(c *CPU, in *insn) { setReg(c, in.a, 0, T(c.selector(in.cond))) }
}

func movToSegment(mem bool) operation {
	if mem {
		return func(c *CPU, in *insn) {
			if v, ok := load[uint16](c, c.ea(in), Read); ok {
				c.setSelector(in.cond, v)
			}
		}
	}
	return func(c *CPU, in *insn) { c.setSelector(in.cond, reg[uint16](c, in.b, 0)) }
}

func pushSegment[T word](c *CPU, in *insn) { push(c, T(c.selector(in.cond))) }

func popSegment[T word](c *CPU, in *insn) {
	if v, ok := load[T](c, c.r[RSP], Read); ok && c.setSelector(in.cond, uint16(v)) {
		c.r[RSP] += sizeof[T]()
	}
}

// guardSegmentStack decodes push and pop of FS and GS.
func (d *decoding) guardSegmentStack() int {
	d.cond = segFS
	if d.opcode[1]&8 != 0 {
		d.cond = segGS
	}
	d.stack = true
	switch pop := d.opcode[1]&1 != 0; {
	case pop && d.op16:
		d.special(popSegment[uint16])
	case pop:
		d.special(popSegment[uint64])
	case d.op16:
		d.run = pushSegment[uint16]
	default:
		d.run = pushSegment[uint64]
	}
	return d.plain(2)
}

// guardFarReturn decodes lret and iret, whose operands have four bytes unless REX.W
// says eight.
func (d *decoding) guardFarReturn() int {
	n, size := 1, d.farSize()
	if d.opcode[0] == 0xcf {
		d.special(sized{nil, iret[uint16], iret[uint32], iret[uint64]}.of(size))
	} else {
		if d.opcode[0] == 0xca {
			d.imm = uint64(d.opcode[1]) | uint64(d.opcode[2])<<8
			n = 3
		}
		d.special(sized{nil, lret[uint16], lret[uint32], lret[uint64]}.of(size))
	}
	d.branch, d.stack = true, true
	return d.plain(n)
}

// farSize is the size of an offset beside a selector: eight bytes with REX.W, as
// Intel has it also for jumps and calls.
func (d *decoding) farSize() uint8 {
	switch {
	case d.rex&8 != 0:
		return 8
	case d.op16:
		return 2
	}
	return 4
}

// buildFar makes a jump or a call to a far pointer in memory.
func buildFar(call bool) builder {
	return func(d *decoding) bool {
		d.special(sized{nil, far[uint16](call), far[uint32](call), far[uint64](call)}.of(d.farSize()))
		d.branch = true
		return d.isMem(0)
	}
}

func far[T word](call bool) operation {
	return func(c *CPU, in *insn) {
		addr := c.ea(in)
		rip, ok := load[T](c, addr, Read)
		if !ok {
			return
		}
		cs, ok := load[uint16](c, addr+sizeof[T](), Read)
		if !ok {
			return
		}
		sp := c.r[RSP]
		if c.farTo(uint64(rip), cs) && call && (!push(c, T(userCS)) || !push(c, T(in.next))) {
			c.r[RSP] = sp
		}
	}
}

// farTo goes to a far address. Only the segment of 64-bit programs can be gone to.
func (c *CPU) farTo(addr uint64, cs uint16) bool {
	if cs != userCS {
		c.raise(GeneralProtection, uint32(cs&^3), 0)
		return false
	}
	return c.branchTo(addr)
}

// lret pops RIP and CS, and imm bytes.
func lret[T word](c *CPU, in *insn) {
	size := sizeof[T]()
	rip, ok := load[T](c, c.r[RSP], Read)
	if !ok {
		return
	}
	if cs, ok := load[T](c, c.r[RSP]+size, Read); ok && c.farTo(uint64(rip), uint16(cs)) {
		c.r[RSP] += 2*size + in.imm
	}
}

// iret pops RIP, CS, RFLAGS, RSP and SS. It sets RF, and cannot change what popf
// cannot.
func iret[T word](c *CPU, _ *insn) {
	var v [5]uint64
	for i := range v {
		w, ok := load[T](c, c.r[RSP]+uint64(i)*sizeof[T](), Read)
		if !ok {
			return
		}
		v[i] = uint64(w)
	}
	if uint16(v[4]) != userDS {
		c.raise(GeneralProtection, uint32(v[4])&0xfffc, 0)
		return
	}
	if !c.farTo(v[0], uint16(v[1])) {
		return
	}
	c.r[RSP] = v[3]
	mask := uint64(popfMask|RF) & uint64(^T(0))
	c.SetRFLAGS((c.RFLAGS()&^mask | v[2]&mask) &^ RF) // RF is spent on the next instruction
}
