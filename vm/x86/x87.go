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

// nans is the result of an operation with NaNs: the one with the larger
// significand (SDM vol. 1, table 4-7).
func (o *x87op) nans(a, b num) (num, bool) {
	if a.class != nan && b.class != nan {
		return num{}, false
	}
	as, bs := a.signaling(), b.signaling()
	if as || bs {
		o.e.pre |= fpIE
	}
	switch {
	case b.class != nan:
		return a.quiet(), true
	case a.class != nan:
		return b.quiet(), true
	case as && !bs:
		return b, true
	case bs && !as:
		return a, true
	case a.sig < b.sig, a.sig == b.sig && a.neg:
		return b.quiet(), true
	}
	return a.quiet(), true
}

// compute is an operation on two numbers; valid is false where one of them was
// not there.
func (o *x87op) compute(op arithmetic, a, b num, valid bool, prec uint) num {
	if !valid {
		return indefinite
	}
	if n, ok := o.nans(a, b); ok {
		return n
	}
	r, n, done, ok := op(&o.e, a, b)
	if !ok {
		o.e.pre |= fpIE
		return indefinite
	}
	if a.denormal || b.denormal {
		if o.e.pre == 0 {
			o.e.pre |= fpDE
		}
	}
	if !done {
		n = o.e.round(r, extended, prec)
	} else if n.class == finite { // already rounded
		up := o.e.up
		n = o.e.round(n.exact(), extended, prec)
		o.e.up = o.e.up || up
	}
	return n
}

// arithmetics are those of the reg field; 2 and 3 are comparisons.
var arithmetics = [8]struct {
	op      arithmetic
	reverse bool
}{
	0: {addNums, false}, 1: {mulNums, false},
	4: {subNums, false}, 5: {subNums, true},
	6: {divNums, false}, 7: {divNums, true},
}

// x87Memory is for fadd and its like with a memory operand that read converts.
func x87Memory(which int, read func(o *x87op, in *insn) (num, bool, bool)) operation {
	a := arithmetics[which]
	return func(c *CPU, in *insn) {
		o, ok := c.x87(in)
		if !ok {
			return
		}
		b, valid, ok := read(&o, in)
		if !ok {
			return
		}
		x, okA := o.get(0)
		if a.op == nil {
			o.compareTo(x, b, okA && valid, true, which == 3, 0)
			return
		}
		if !okA {
			valid = false
		}
		if a.reverse {
			x, b = b, x
		}
		if v := pack80(o.compute(a.op, x, b, valid, c.prec())); o.finish() {
			o.set(0, v)
		}
	}
}

// x87Registers is for fadd and its like between ST and ST(i): cond is i. With
// into the result goes to ST(i), with pops ST is popped.
func x87Registers(which int, into, pops bool) operation {
	a := arithmetics[which]
	return func(c *CPU, in *insn) {
		o, ok := c.x87(in)
		if !ok {
			return
		}
		x, ok1 := o.get(0)
		y, ok2 := o.get(int(in.cond))
		to := 0
		if into {
			x, y = y, x
			to = int(in.cond)
		}
		if a.reverse {
			x, y = y, x
		}
		if v := pack80(o.compute(a.op, x, y, ok1 && ok2, c.prec())); o.finish() {
			o.set(to, v)
			if pops {
				o.pop()
			}
		}
	}
}

// compareTo sets C3, C2 and C0.
func (o *x87op) compareTo(x, y num, valid, signals, pop1 bool, pops int) {
	r := o.compared(x, y, valid, signals)
	sw := &o.c.fpu.SW
	if !o.finish() {
		return
	}
	*sw = *sw&^(fpC0|fpC2|fpC3) | r
	if pop1 {
		pops++
	}
	for range pops {
		o.pop()
	}
}

func (o *x87op) compared(x, y num, valid, signals bool) uint16 {
	const unordered = fpC0 | fpC2 | fpC3
	switch {
	case !valid:
		return unordered
	case x.class == nan || y.class == nan:
		if signals || x.signaling() || y.signaling() {
			o.e.pre |= fpIE
		}
		return unordered
	}
	o.operandErrors(x, y)
	switch order(x, y) {
	case -1:
		return fpC0
	case 0:
		return fpC3
	}
	return 0
}

// x87Compare compares ST with ST(i).
func x87Compare(signals bool, pops int) operation {
	return func(c *CPU, in *insn) {
		o, ok := c.x87(in)
		if !ok {
			return
		}
		x, ok1 := o.get(0)
		y, ok2 := o.get(int(in.cond))
		o.compareTo(x, y, ok1 && ok2, signals, false, pops)
	}
}

// x87CompareFlags does so with ZF, PF and CF.
func x87CompareFlags(signals bool, pops int) operation {
	return func(c *CPU, in *insn) {
		o, ok := c.x87(in)
		if !ok {
			return
		}
		x, ok1 := o.get(0)
		y, ok2 := o.get(int(in.cond))
		r := o.compared(x, y, ok1 && ok2, signals)
		o.keepC1 = true
		if !o.finish() {
			return
		}
		c.f = unpack(uint64(r >> 8 & (CF | PF | ZF)))
		for range pops {
			o.pop()
		}
	}
}

func ftst(c *CPU, in *insn) {
	if o, ok := c.x87(in); ok {
		x, valid := o.get(0)
		o.compareTo(x, num{}, valid, true, false, 0)
	}
}

// fxam classifies ST.
func fxam(c *CPU, in *insn) {
	if _, ok := c.x87(in); !ok {
		return
	}
	x := &c.fpu
	v := x.R[x.top()]
	n, ok := unpack80(v)
	var r uint16
	switch {
	case x.empty(0):
		r = fpC3 | fpC0
	case !ok:
	case n.class == nan:
		r = fpC0
	case n.class == infinite:
		r = fpC2 | fpC0
	case n.class == zero:
		r = fpC3
	case n.denormal:
		r = fpC3 | fpC2
	default:
		r = fpC2
	}
	if v.SE>>15 != 0 {
		r |= fpC1
	}
	x.SW = x.SW&^(fpC0|fpC1|fpC2|fpC3) | r
}

// x87Sign is fchs and fabs: they change the sign of anything.
func x87Sign(f func(se uint16) uint16) operation {
	return func(c *CPU, in *insn) {
		o, ok := c.x87(in)
		if !ok {
			return
		}
		v := c.fpu.R[c.fpu.top()]
		v.SE = f(v.SE)
		if c.fpu.empty(0) {
			o.get(0)
			v = pack80(indefinite)
		}
		if o.finish() {
			o.set(0, v)
		}
	}
}

func fsqrt(c *CPU, in *insn) {
	if o, ok := c.x87(in); ok {
		x, valid := o.get(0)
		if v := pack80(o.compute(sqrtNums, x, x, valid, c.prec())); o.finish() {
			o.set(0, v)
		}
	}
}

func frndint(c *CPU, in *insn) {
	if o, ok := c.x87(in); ok {
		x, valid := o.get(0)
		if v := pack80(o.compute(roundToInt, x, x, valid, 64)); o.finish() {
			o.set(0, v)
		}
	}
}

func roundToInt(e *environment, _, n num) (exact, num, bool, bool) {
	if n.class != finite || n.exp >= 63 {
		return exact{}, n, true, true
	}
	x := exact{neg: n.neg, exp: 63}
	x.hi, x.lo = jam(n.sig, 0, uint(63-n.exp))
	m, carry, inexact := e.cut(x, 64)
	if inexact {
		e.post |= fpPE
	}
	if m == 0 {
		return exact{}, num{neg: n.neg}, true, true
	}
	up := e.up
	x.hi, x.lo = m, 0
	if carry {
		x.exp++
	}
	x.normalize()
	e.up = up
	return exact{}, num{class: infinite, neg: n.neg, exp: x.exp, sig: x.hi}.asFinite(), true, true
}

// asFinite is for results that are already rounded.
func (n num) asFinite() num {
	n.class = finite
	return n
}

// fscale multiplies by a power of two.
func fscale(c *CPU, in *insn) {
	if o, ok := c.x87(in); ok {
		x, ok1 := o.get(0)
		y, ok2 := o.get(1)
		if v := pack80(o.compute(scaleNums, x, y, ok1 && ok2, 64)); o.finish() {
			o.set(0, v)
		}
	}
}

func scaleNums(_ *environment, a, b num) (exact, num, bool, bool) {
	if b.class == infinite {
		if b.neg {
			return exact{}, num{neg: a.neg}, true, a.class != infinite
		}
		return exact{}, num{class: infinite, neg: a.neg, sig: integerBit}, true, a.class != zero
	}
	if a.class != finite || b.class == zero || b.exp < 0 {
		return exact{}, a, true, true
	}
	n := 1 << 17
	if b.exp < 17 {
		n = int(b.sig >> (63 - b.exp))
	}
	if b.neg {
		n = -n
	}
	x := a.exact()
	x.exp += n
	return x, num{}, false, true
}

// x87Remainder is fprem and, to the nearest quotient, fprem1. Where the
// exponents are far apart it does a part of the work and sets C2.
func x87Remainder(nearest bool) operation {
	return func(c *CPU, in *insn) {
		o, ok := c.x87(in)
		if !ok {
			return
		}
		x, ok1 := o.get(0)
		y, ok2 := o.get(1)
		codes := c.fpu.SW & (fpC0 | fpC3) // they stay where there is no quotient
		op := func(_ *environment, a, b num) (exact, num, bool, bool) {
			if a.class == infinite || b.class == zero {
				return exact{}, num{}, true, false
			}
			codes = 0
			if a.class == zero || b.class == infinite {
				return exact{}, a, true, true
			}
			r, q, partial := remainder(a, b, nearest)
			if partial {
				codes = fpC2
			} else {
				codes = uint16(q>>2&1)<<8 | uint16(q>>1&1)<<14 | uint16(q&1)<<9
			}
			return r, num{}, false, true
		}
		v := pack80(o.compute(op, x, y, ok1 && ok2, 64))
		if !o.finish() {
			c.fpu.SW &^= fpC2
			return
		}
		o.set(0, v)
		c.fpu.SW = c.fpu.SW&^(fpC0|fpC1|fpC2|fpC3) | codes
	}
}

func remainder(a, b num, nearest bool) (r exact, q uint64, partial bool) {
	d := a.exp - b.exp
	if d < -1 || d < 0 && !nearest {
		return a.exact(), 0, false
	}
	steps := d
	if d >= 64 {
		steps, partial = 32+d%32, true
	}
	// rest is the remainder in units of the last bit of b at the present place.
	rest, over := a.sig, uint64(0)
	exp := a.exp
	if d == -1 {
		exp, steps = b.exp, 0
		rest >>= 1 // what falls out is put back below
	}
	for i := 0; ; i++ {
		q <<= 1
		if d >= 0 && (over != 0 || rest >= b.sig) {
			rest -= b.sig
			q |= 1
		}
		if i >= steps {
			break
		}
		over = rest >> 63
		rest <<= 1
		exp--
	}
	r = exact{neg: a.neg, exp: exp, hi: rest}
	if d == -1 {
		r.lo = a.sig << 63
	}
	if nearest && !partial {
		// Compare twice the rest with b.
		twice, low := r.hi<<1|r.lo>>63, r.lo<<1
		more := r.hi>>63 != 0 || twice > b.sig || twice == b.sig && low != 0
		tie := r.hi>>63 == 0 && twice == b.sig && low == 0
		if more || tie && q&1 != 0 {
			q++
			lo := r.lo
			r.neg = !r.neg
			r.lo = -lo
			r.hi = b.sig - r.hi - bit(lo != 0)
		}
	}
	if r.hi|r.lo == 0 {
		return exact{neg: a.neg}, q, partial
	}
	r.normalize()
	return r, q, partial
}

// fxtract replaces ST by its exponent and pushes its significand.
func fxtract(c *CPU, in *insn) {
	o, ok := c.x87(in)
	if !ok {
		return
	}
	n, valid := o.get(0)
	sig, exp := n, n
	switch {
	case !valid:
	case n.class == nan:
		sig, _ = o.nans(n, n)
		exp = sig
	case n.class == zero:
		o.e.pre |= fpZE
		exp = num{class: infinite, neg: true, sig: integerBit}
	case n.class == infinite:
		exp.neg = false
	default:
		o.operandErrors(n)
		sig.exp = 0
		x, some := fromInt(int64(n.exp))
		exp = num{}
		if some {
			exp = o.e.round(x, extended, 64)
		}
	}
	low := pack80(exp)
	high := o.room(pack80(sig))
	if o.c1 {
		low = pack80(indefinite)
	}
	if o.finish() {
		o.set(0, low)
		c.fpu.setTop(c.fpu.top() - 1)
		o.set(0, high)
	}
}
