package x86

// x87 comparisons: they set condition codes or flags.

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
