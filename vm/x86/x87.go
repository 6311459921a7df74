package x86

// An x87op is one x87 instruction at work (SDM vol. 1, chapter 8). It collects
// exceptions; those of the operands keep the result from being written if they
// are not masked.
type x87op struct {
	c      *CPU
	e      environment
	sf     bool // stack fault
	c1     bool
	keepC1 bool // C1 says of stack faults alone
}

// x87 begins an instruction that waits for pending exceptions.
func (c *CPU) x87(in *insn) (o x87op, ok bool) {
	if c.fpuPending() {
		return o, false
	}
	c.fpuLast = [2]uint64{c.fpu.IP, c.fpu.DP}
	c.fpu.IP = in.addr
	return x87op{c: c, e: environment{mode: uint8(c.fpu.CW >> 10 & 3), masked: uint8(c.fpu.CW & fpErrors), wraps: true}}, true
}

// prec is the precision of arithmetic (SDM vol. 1, 8.1.5.2).
func (c *CPU) prec() uint {
	switch c.fpu.CW >> 8 & 3 {
	case 0:
		return 24
	case 2:
		return 53
	}
	return 64
}

// physical is the number of the register that is ST(i).
func (x *X87) physical(i int) int { return (x.top() + i) & 7 }

func (x *X87) empty(i int) bool { return x.Used>>x.physical(i)&1 == 0 }

func (x *X87) setTop(t int) { x.SW = x.SW&^(7<<11) | uint16(t&7)<<11 }

// unpack80 takes a number apart; ok is false for the formats that are no longer
// supported (SDM vol. 1, 8.2.2).
func unpack80(v Float80) (n num, ok bool) {
	n = num{neg: v.SE>>15 != 0, sig: v.Sig}
	switch e := int(v.SE & 0x7fff); {
	case e == 0x7fff:
		n.class = infinite
		if v.Sig<<1 != 0 {
			n.class = nan
		}
		return n, v.Sig&integerBit != 0
	case e != 0:
		n.class, n.exp = finite, e-16383
		return n, v.Sig&integerBit != 0
	case v.Sig != 0:
		x := exact{exp: -16382, hi: v.Sig}
		x.normalize()
		n.class, n.denormal, n.exp, n.sig = finite, true, x.exp, x.hi
	}
	return n, true
}

func pack80(n num) Float80 {
	v := Float80{Sig: n.sig, SE: uint16(bit(n.neg)) << 15}
	switch n.class {
	case zero:
		v.Sig = 0
	case infinite, nan:
		v.SE |= 0x7fff
	case finite:
		if n.sig&integerBit != 0 {
			v.SE |= uint16(n.exp + 16383)
		}
	}
	return v
}

// get reads ST(i); an empty register is a stack fault. ok is false where the
// result of the instruction is indefinite.
func (o *x87op) get(i int) (n num, ok bool) {
	x := &o.c.fpu
	if x.empty(i) {
		o.e.pre |= fpIE
		o.sf = true
		return indefinite, false
	}
	n, ok = unpack80(x.R[x.physical(i)])
	if !ok {
		o.e.pre |= fpIE
		return indefinite, false
	}
	return n, true
}

// operandErrors notes denormal operands, unless something worse was found.
func (o *x87op) operandErrors(ns ...num) {
	for _, n := range ns {
		if n.denormal && o.e.pre == 0 {
			o.e.pre |= fpDE
		}
	}
}

// finish notes the exceptions and reports whether the result may be written.
func (o *x87op) finish() bool {
	x := &o.c.fpu
	if !o.keepC1 || o.sf {
		x.SW &^= fpC1
	}
	if o.sf {
		x.SW |= fpSF
	}
	x.SW |= uint16(o.e.pre)
	written := o.e.pre&^o.e.masked == 0
	if written {
		x.SW |= uint16(o.e.post)
		o.c1 = o.c1 || !o.sf && o.e.post&fpPE != 0 && o.e.up
	}
	if o.c1 {
		x.SW |= fpC1
	}
	x.summarize()
	return written
}

func (o *x87op) set(i int, v Float80) {
	x := &o.c.fpu
	p := x.physical(i)
	x.R[p] = v
	x.Used |= 1 << p
}

func (o *x87op) pop() {
	x := &o.c.fpu
	x.Used &^= 1 << x.top()
	x.setTop(x.top() + 1)
}

// room says that a register is about to be pushed: the one below the top must
// be empty. It returns what to push.
func (o *x87op) room(v Float80) Float80 {
	if !o.c.fpu.empty(7) && !o.sf {
		o.e.pre = fpIE
		o.e.post = 0
		o.sf, o.c1 = true, true
		return pack80(indefinite)
	}
	return v
}

// push finishes an instruction that pushes a number.
func (o *x87op) push(v Float80) {
	v = o.room(v)
	if o.finish() {
		o.c.fpu.setTop(o.c.fpu.top() - 1)
		o.set(0, v)
	}
}
