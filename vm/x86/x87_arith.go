package x86

// x87 arithmetic: sums, products and quotients.

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
