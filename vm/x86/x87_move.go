package x86

import "encoding/binary"

// SDM vol. 1, 8.3.3: moves, conversions and constants.

// The memory operands: valid is false where the value is none, ok where there
// was a fault.

func readSingle(o *x87op, in *insn) (n num, valid, ok bool) {
	v, ok := load[uint32](o.c, o.dp(in), Read)
	return single.unpack(uint64(v)), true, ok
}

func readDouble(o *x87op, in *insn) (n num, valid, ok bool) {
	v, ok := load[uint64](o.c, o.dp(in), Read)
	return double64.unpack(v), true, ok
}

func readInt[T word](o *x87op, in *insn) (n num, valid, ok bool) {
	v, ok := load[T](o.c, o.dp(in), Read)
	if x, some := fromInt(signed(v)); some {
		n = num{class: finite, neg: x.neg, exp: x.exp, sig: x.hi}
	}
	return n, true, ok
}

// dp is the address of the operand, which the unit remembers.
func (o *x87op) dp(in *insn) uint64 {
	addr := o.c.ea(in)
	o.c.fpu.DP = addr
	return addr
}

// fldMem pushes a memory operand.
func fldMem(read func(o *x87op, in *insn) (num, bool, bool)) operation {
	return func(c *CPU, in *insn) {
		o, ok := c.x87(in)
		if !ok {
			return
		}
		n, _, ok := read(&o, in)
		if !ok {
			return
		}
		if !c.fpu.empty(7) {
			o.push(Float80{})
			return
		}
		if n.class == nan {
			n, _ = o.nans(n, n)
		}
		if n.denormal { // it is loaded even if the exception is not masked
			o.e.post |= fpDE
			n.denormal = false
		}
		o.push(pack80(n))
	}
}

func (c *CPU) load80(addr uint64) (v Float80, ok bool) {
	var b [10]byte
	ok = c.loadBytes(addr, b[:], Read)
	return Float80{binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint16(b[8:])}, ok
}

func (c *CPU) store80(addr uint64, v Float80) bool {
	var b [10]byte
	binary.LittleEndian.PutUint64(b[:], v.Sig)
	binary.LittleEndian.PutUint16(b[8:], v.SE)
	return c.storeBytes(addr, b[:])
}

// fld80 pushes any bits.
func fld80(c *CPU, in *insn) {
	if o, ok := c.x87(in); ok {
		if v, ok := c.load80(o.dp(in)); ok {
			o.push(v)
		}
	}
}

// fldReg pushes ST(i).
func fldReg(c *CPU, in *insn) {
	o, ok := c.x87(in)
	if !ok {
		return
	}
	x := &c.fpu
	v := x.R[x.physical(int(in.cond))]
	if x.empty(int(in.cond)) {
		o.e.pre |= fpIE
		o.sf = true
		v = pack80(indefinite)
	}
	o.push(v)
}

// fldConst pushes a constant, rounded as the control word says.
func fldConst(exp int, hi, lo uint64) operation {
	return func(c *CPU, in *insn) {
		o, ok := c.x87(in)
		if !ok {
			return
		}
		v := pack80(o.e.round(exact{false, exp, hi, lo}, extended, 64))
		o.e.post = 0
		o.push(v)
	}
}

// fstShort stores ST in a short format.
func fstShort(f *format, pops bool) operation {
	return func(c *CPU, in *insn) {
		o, ok := c.x87(in)
		if !ok {
			return
		}
		addr := o.dp(in)
		o.e.wraps = false
		n, valid := o.get(0)
		switch {
		case !valid:
		case n.class == nan:
			n, _ = o.nans(n, n)
			n.sig &= ^uint64(0) << (64 - f.prec)
		case n.class == finite:
			n = o.e.round(n.exact(), f, f.prec)
		}
		v := f.pack(n)
		o.storeResult(addr, int(f.width()/8), pops, func() bool {
			if f.prec == 24 {
				return store(c, addr, uint32(v))
			}
			return store(c, addr, v)
		})
	}
}

// storeResult finishes an instruction that writes memory: overflow and
// underflow that are not masked keep it from being written as well.
func (o *x87op) storeResult(addr uint64, size int, pops bool, write func() bool) {
	fpu := o.c.fpu
	if o.e.post&^o.e.masked&(fpOE|fpUE) != 0 {
		o.e.post &^= fpPE
		o.e.up = false
	}
	if !o.finish() || o.e.post&^o.e.masked&(fpOE|fpUE) != 0 {
		if _, ok := o.c.find(addr, size, Modify); !ok { // a page fault comes first
			o.c.fpu = fpu
		}
		return
	}
	if !write() {
		o.c.fpu = fpu
		return
	}
	if pops {
		o.pop()
	}
}

// fstInt stores ST as an integer.
func fstInt[T word](pops bool) operation {
	return func(c *CPU, in *insn) {
		o, ok := c.x87(in)
		if !ok {
			return
		}
		addr := o.dp(in)
		n, valid := o.get(0)
		v, fits := int64(0), false
		if valid {
			if v, fits = o.e.toInt(n, uint(width[T]())); !fits {
				o.e.pre |= fpIE
			}
		}
		if !fits {
			v = -1 << (width[T]() - 1)
		}
		o.storeResult(addr, int(sizeof[T]()), pops, func() bool { return store(c, addr, T(v)) })
	}
}

func fstp80(c *CPU, in *insn) {
	o, ok := c.x87(in)
	if !ok {
		return
	}
	addr := o.dp(in)
	v := c.fpu.R[c.fpu.top()]
	if c.fpu.empty(0) {
		o.get(0)
		v = pack80(indefinite)
	}
	o.storeResult(addr, 10, true, func() bool { return c.store80(addr, v) })
}

// fstReg copies ST to ST(i).
func fstReg(pops bool) operation {
	return func(c *CPU, in *insn) {
		o, ok := c.x87(in)
		if !ok {
			return
		}
		v := c.fpu.R[c.fpu.top()]
		if c.fpu.empty(0) {
			o.get(0)
			v = pack80(indefinite)
		}
		if o.finish() {
			o.set(int(in.cond), v)
			if pops {
				o.pop()
			}
		}
	}
}

// fxch exchanges ST and ST(i).
func fxch(c *CPU, in *insn) {
	o, ok := c.x87(in)
	if !ok {
		return
	}
	x, i := &c.fpu, int(in.cond)
	a, b := x.R[x.top()], x.R[x.physical(i)]
	if x.empty(0) {
		o.get(0)
		a = pack80(indefinite)
	}
	if x.empty(i) {
		o.get(i)
		b = pack80(indefinite)
	}
	if o.finish() {
		o.set(0, b)
		o.set(i, a)
	}
}

// fcmov copies ST(i) to ST if a condition holds.
func fcmov(cond func(*flags) bool) operation {
	return func(c *CPU, in *insn) {
		o, ok := c.x87(in)
		if !ok {
			return
		}
		x, i := &c.fpu, int(in.cond)
		v := x.R[x.top()]
		if cond(&c.f) {
			v = x.R[x.physical(i)]
		}
		if x.empty(0) || x.empty(i) {
			o.e.pre |= fpIE
			o.sf = true
			v = pack80(indefinite)
		}
		o.keepC1 = true
		if o.finish() {
			o.set(0, v)
		}
	}
}
