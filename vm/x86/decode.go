package x86

import "golang.org/x/arch/x86/x86asm"

// A decoding is the work on one instruction.
type decoding struct {
	insn
	prefixes
	opcode []byte // from the opcode on, with room behind the end
	inst   x86asm.Inst
}

// decode makes an insn of the bytes at addr. It returns the number of bytes that
// the decision rests on; if that is more than there are, the caller tries again
// with the bytes of the next page. What is no instruction becomes one that
// raises #UD, or #GP if it is too long.
func decode(addr uint64, text []byte) (insn, int) {
	var buf [2 * maxLen]byte // zeros behind a short text
	copy(buf[:maxLen], text)
	d := decoding{prefixes: parsePrefixes(buf[:maxLen])}
	d.addr = addr
	d.mask = ^uint64(0)
	d.base, d.index, d.seg = zeroReg, zeroReg, d.segment
	d.a, d.b = zeroReg, zeroReg
	d.insn.lock, d.insn.rep = d.prefixes.lock, d.prefixes.rep
	d.opcode = buf[d.n:]
	n := maxLen
	if d.n == maxLen {
		d.special(forbid)
	} else if n = d.guard(); n == 0 {
		n = d.byTable()
	}
	if n > maxLen { // the processor gives up before it sees the rest
		d.special(forbid)
		n = maxLen
	}
	d.next = addr + uint64(n)
	if d.branch && d.inst.PCRel != 0 {
		d.imm += d.next
	}
	return d.insn, n
}

// special makes an instruction that ends a block and that no later decision
// changes.
func (d *decoding) special(run operation) {
	d.run = run
	d.last = true
}

// undefined makes an instruction that raises #UD; n are the bytes behind the
// prefixes that say so.
func (d *decoding) undefined(n int) int {
	d.special(ud)
	return d.n + n
}

// byTable decodes with x86asm and the table of operations.
func (d *decoding) byTable() int {
	var buf [maxLen]byte
	head := len(d.canonical(buf[:0]))
	copy(buf[head:], d.opcode)
	inst, err := x86asm.Decode(buf[:], 64)
	if err != nil || inst.Op == 0 {
		return d.undefined(d.opcodeLen())
	}
	n := d.n + inst.Len - head
	d.inst = inst
	if inst.AddrSize == 32 || d.ad32 {
		d.mask = 0xffffffff
	}
	for _, a := range inst.Args {
		if m, ok := a.(x86asm.Mem); ok {
			d.memory(m, d.addr+uint64(n))
		}
	}
	build := builders[inst.Op]
	if build == nil || !build(d) || d.run == nil || d.prefixes.lock && !d.lockable() {
		d.branch = false
		return d.undefined(d.opcodeLen())
	}
	return n
}

// opcodeLen is the number of bytes of the opcode and of its ModRM byte.
func (d *decoding) opcodeLen() int {
	switch {
	case d.opcode[0] != 0x0f:
		return 1
	case d.opcode[1] == 0x38, d.opcode[1] == 0x3a:
		return 3
	}
	return 2
}

// lockable reports whether the prefix lock is allowed (SDM vol. 2, LOCK).
func (d *decoding) lockable() bool {
	switch d.inst.Op {
	case x86asm.ADD, x86asm.ADC, x86asm.AND, x86asm.BTC, x86asm.BTR, x86asm.BTS, x86asm.CMPXCHG,
		x86asm.CMPXCHG8B, x86asm.CMPXCHG16B, x86asm.DEC, x86asm.INC, x86asm.NEG, x86asm.NOT,
		x86asm.OR, x86asm.SBB, x86asm.SUB, x86asm.XOR, x86asm.XADD, x86asm.XCHG:
		return d.isMem(0) || d.inst.Op == x86asm.XCHG && d.isMem(1)
	}
	return false
}

// memory takes the memory operand over; next is the address that RIP-relative
// ones count from.
func (d *decoding) memory(m x86asm.Mem, next uint64) {
	d.disp = uint64(m.Disp)
	if d.opcode[0] < 0xa0 || d.opcode[0] > 0xa3 {
		d.disp = uint64(int32(m.Disp)) // x86asm leaves the sign out
	}
	switch {
	case m.Base == x86asm.RIP, m.Base == x86asm.EIP:
		d.disp += next
	case m.Base != 0:
		d.base, _, _ = register(m.Base)
	}
	if m.Index != 0 {
		d.index, _, _ = register(m.Index)
	}
	for s := m.Scale; s > 1; s >>= 1 {
		d.scale++
	}
	if d.base == RSP || d.base == RBP {
		d.stack = d.seg == zeroReg
	}
}

// register is the number of a general register, 8 if it is the second byte of
// one, and its size in bytes; the size of others is 0.
func register(r x86asm.Reg) (n, high, size uint8) {
	switch {
	case r >= x86asm.AL && r <= x86asm.BL:
		return uint8(r - x86asm.AL), 0, 1
	case r >= x86asm.AH && r <= x86asm.BH:
		return uint8(r - x86asm.AH), 8, 1
	case r >= x86asm.SPB && r <= x86asm.R15B:
		return uint8(r-x86asm.SPB) + 4, 0, 1
	case r >= x86asm.AX && r <= x86asm.R15W:
		return uint8(r - x86asm.AX), 0, 2
	case r >= x86asm.EAX && r <= x86asm.R15L:
		return uint8(r - x86asm.EAX), 0, 4
	case r >= x86asm.RAX && r <= x86asm.R15:
		return uint8(r - x86asm.RAX), 0, 8
	}
	return zeroReg, 0, 0
}

func (d *decoding) isMem(i int) bool {
	_, ok := d.inst.Args[i].(x86asm.Mem)
	return ok
}

// first takes the first operand over as the one that is changed, second another
// one as the source. They return its size in bytes, 0 if it is an immediate or
// none.
func (d *decoding) first() uint8 {
	switch a := d.inst.Args[0].(type) {
	case x86asm.Reg:
		var size uint8
		d.a, d.aHigh, size = register(a)
		return size
	case x86asm.Mem:
		return uint8(d.inst.MemBytes)
	}
	return 0
}

func (d *decoding) second(i int) uint8 {
	switch a := d.inst.Args[i].(type) {
	case x86asm.Reg:
		var size uint8
		d.b, d.bHigh, size = register(a)
		return size
	case x86asm.Mem:
		return uint8(d.inst.MemBytes)
	case x86asm.Imm:
		d.imm = uint64(a)
	}
	return 0
}

// operands takes the first two operands over and finds their shape and size.
func (d *decoding) operands() shape {
	d.size = d.first()
	d.second(1)
	switch {
	case d.isMem(0):
		if d.size == 0 {
			d.size = d.regSize(1)
		}
		return memReg
	case d.isMem(1):
		return regMem
	}
	return regReg
}

// regSize is the size of an operand that is a general register.
func (d *decoding) regSize(i int) uint8 {
	if r, ok := d.inst.Args[i].(x86asm.Reg); ok {
		_, _, size := register(r)
		return size
	}
	return 0
}
