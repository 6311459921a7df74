package graph

// graceOrder makes rcu-order, given the links between the events of RCU: sequences of
// grace periods and critical sections, taken from their end to their beginning, that
// have at least as many grace periods as critical sections. Sections pair with the
// grace periods of their own domain only.
func (g *Graph) graceOrder(x *scratch) {
	for _, p := range g.periods {
		x.grace.at(int(p)).add(int(p))
	}
	// around is what comes before e by a link, or two links around a sequence.
	around := func(e Event) row {
		link := x.link.at(int(e))
		clear(x.a)
		clear(x.b)
		x.grace.through(x.a, link)
		x.link.through(x.b, x.a)
		x.b.or(link)
		return x.b
	}
	for changed := true; changed; {
		changed = false
		grow := func(e Event, s row) {
			d := x.grace.at(int(e))
			for i, w := range s {
				if w&^d[i] != 0 {
					d[i] |= w
					changed = true
				}
			}
		}
		for i := range g.sections {
			s := &g.sections[i]
			before := around(s.unlock)
			clear(x.c)
			for _, p := range g.periods {
				if g.pairs(s, p) && before.has(int(p)) {
					x.c.add(int(p))
				}
			}
			grow(s.lock, x.c)
			for _, p := range g.periods {
				if g.pairs(s, p) && around(p).has(int(s.lock)) {
					clear(x.c)
					x.c.add(int(s.unlock))
					grow(p, x.c)
				}
			}
		}
		for e := range g.n {
			if d := x.grace.at(e); !d.empty() {
				clear(x.a)
				clear(x.c)
				x.link.through(x.a, d)
				x.grace.through(x.c, x.a)
				grow(Event(e), x.c)
			}
		}
	}
}

// pairs says whether a grace period waits for a section.
func (g *Graph) pairs(s *section, p Event) bool { return g.events[p].loc == -2-s.domain }

// gracePeriods checks irreflexive (link ; rcu-order).
func (g *Graph) gracePeriods(x *scratch) bool {
	g.graceOrder(x)
	for e := range g.n {
		clear(x.a)
		x.link.through(x.a, x.grace.at(e))
		if x.a.has(e) {
			return false
		}
	}
	return true
}
