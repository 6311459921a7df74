package memory

// graceOrder makes rcu-order, given the links between the events of RCU: sequences
// of grace periods and critical sections, taken from their end to their beginning,
// that have at least as many grace periods as critical sections. Those of SRCU pair
// with sections of the same domain only.
func (g *graph) graceOrder(x *scratch) {
	for m := g.all; m != 0; {
		e := m.take()
		x.grace[e] = g.sync & one(e)
	}
	for changed := true; changed; {
		changed = false
		grow := func(e int, s set) {
			if s&^x.grace[e] != 0 {
				x.grace[e] |= s
				changed = true
			}
		}
		// What comes before e by a link, or two links around a sequence.
		around := func(e int) set { return x.link[e] | x.link.before(x.grace.before(x.link[e])) }
		for _, s := range g.section[:g.sections] {
			// Before the lock of a section that follows a grace period.
			grow(s.lock, around(s.unlock)&g.periods(s))
			for m := g.periods(s); m != 0; {
				if gp := m.take(); around(gp).has(s.lock) {
					grow(gp, one(s.unlock))
				}
			}
		}
		for m := g.all; m != 0; {
			if e := m.take(); x.grace[e] != 0 {
				grow(e, x.grace.before(x.link.before(x.grace[e])))
			}
		}
	}
}

// periods are the grace periods that pair with a section.
func (g *graph) periods(s section) set {
	if !s.srcu {
		return g.sync &^ g.syncSRCU
	}
	var same set
	for m := g.syncSRCU; m != 0; {
		if e := m.take(); g.event[e].loc == g.event[s.lock].loc {
			same |= one(e)
		}
	}
	return same
}

// gracePeriods checks irreflexive (link ; rcu-order).
func (g *graph) gracePeriods(x *scratch) bool {
	g.graceOrder(x)
	for m := g.all; m != 0; {
		if e := m.take(); x.link.before(x.grace[e]).has(e) {
			return false
		}
	}
	return true
}
