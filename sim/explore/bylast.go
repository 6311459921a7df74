package explore

import (
	"slices"

	"trapline/sim"
)

// byLast is what steps have done because they came last of those who add to an
// object, see [sim.K.AsLast]: the one that drops the last reference frees. Whoever
// had come last would have done it. So it counts as an event of its own, an act,
// which comes after all of them: they are not ordered with each other, nor are they
// with what the act uses.
//
// That is right where whoever uses the same as the act comes before one of them, as one
// does that has a reference, or after them all. What else comes before the act, or after
// it, could come on the other side of it, and would have to tell which of them it had to
// pass for that. Where an execution shows one, additions to the object are taken to
// conflict, and the search begins anew.
type byLast struct {
	acts  []act
	loose []loose
}

// act is what an event did as the last of those who add to an object.
type act struct {
	event  int32
	obj    sim.ObjID
	others []int32 // those who have added before, and what comes before them
	all    []int32 // and the event
	clock  []int32 // and what else comes before the act
}

// loose is an event that shows that an act on the object is not where it is because of
// those who have added.
type loose struct {
	event int32
	obj   sim.ObjID
}

// cut forgets the events from the n-th on.
func (b *byLast) cut(n int) {
	for len(b.acts) > 0 && int(b.acts[len(b.acts)-1].event) >= n {
		b.acts = b.acts[:len(b.acts)-1]
	}
	for len(b.loose) > 0 && int(b.loose[len(b.loose)-1].event) >= n {
		b.loose = b.loose[:len(b.loose)-1]
	}
}

// act enters what event n did as the last of some, and puts it behind the acts of
// others. If it comes after all the others in any case, it is only more of what it did.
func (o *order) act(n int32) {
	e, b, in := &o.events[n], &o.byLast, int32(-1)
	for u := e.first; u < e.end; u++ {
		a := &o.accesses[u]
		if a.Last && a.Mode == sim.Write {
			in = -1
		} else if a.Last {
			in = int32(len(b.acts))
			b.acts = slices.Grow(b.acts, 1)[:in+1]
			x := &b.acts[in]
			x.event, x.obj = n, a.Obj
			x.others = o.adders(x.others[:0], a.previous, n)
			if includes(e.clock, x.others) {
				b.acts, in = b.acts[:in], -1
			} else {
				x.all = join(append(x.all[:0], e.clock...), x.others)
				x.clock = append(x.clock[:0], x.all...)
			}
		}
		if a.ByLast && in < 0 {
			o.after(e, u)
		} else if a.ByLast {
			a.act, e.acts = in, true
			o.before(n, a)
		}
	}
	if len(b.acts) > 0 {
		o.behind(n)
	}
}

// before puts what conflicts with use a of event n before the act that it belongs to.
func (o *order) before(n int32, a *use) {
	x := &o.byLast.acts[a.act]
	for u := a.previous; u >= 0; u = o.accesses[u].previous {
		w := &o.accesses[u]
		if w.Mode.Conflicts(a.Mode) && w.event != n {
			if !o.knows(x.all, o.events[w.event].task, int(w.event)) {
				o.byLast.loose = append(o.byLast.loose, loose{n, x.obj})
			}
			x.clock = join(x.clock, o.clockOf(w))
		}
		if w.Mode == sim.Write {
			return
		}
	}
}

// behind puts event n behind the acts that it conflicts with.
func (o *order) behind(n int32) {
	e := &o.events[n]
	for u := e.first; u < e.end; u++ {
		a := &o.accesses[u]
		for v := a.previous; v >= 0 && a.act < 0; v = o.accesses[v].previous {
			w := &o.accesses[v]
			if w.act >= 0 && w.Mode.Conflicts(a.Mode) {
				x := &o.byLast.acts[w.act]
				if !includes(e.clock, x.all) {
					o.byLast.loose = append(o.byLast.loose, loose{n, x.obj})
				}
				e.clock = join(e.clock, x.clock)
			}
			if w.Mode == sim.Write {
				break
			}
		}
	}
}

// adders joins to c the clocks of those, other than event i, who have added to an
// object since it was last written to. The first use to look at is u.
func (o *order) adders(c []int32, u, i int32) []int32 {
	for ; u >= 0 && o.accesses[u].Mode != sim.Write; u = o.accesses[u].previous {
		if w := &o.accesses[u]; w.Mode == sim.Add && w.event != i {
			c = join(c, o.events[w.event].clock)
		}
	}
	return c
}

// clockOf is what comes before a use, with the use.
func (o *order) clockOf(w *use) []int32 {
	if w.act >= 0 {
		return o.byLast.acts[w.act].clock
	}
	return o.events[w.event].clock
}

// includes says whether clock d has all that c has.
func includes(d, c []int32) bool {
	for t, n := range c {
		if n > 0 && (t >= len(d) || d[t] < n) {
			return false
		}
	}
	return true
}

// joinLoose makes additions conflict to objects for which that is needed. A step that
// broke a rule is not asked: it ends the execution wherever it comes.
func (o *order) joinLoose() {
	for _, l := range o.byLast.loose {
		if int(l.event) != o.fatal {
			o.variations.join(l.obj)
		}
	}
}

// lasting adds to uses those that event i makes as the last of some, and still would
// if event j and others, and what comes after them, had not happened.
func (o *order) lasting(uses []use, i, j int, others []int) []use {
	e := &o.events[i]
	for u := e.first; u < e.end; u++ {
		a := &o.accesses[u]
		gone := func(k int) bool {
			return a.act >= 0 && o.knows(o.byLast.acts[a.act].others, o.events[k].task, k)
		}
		if a.ByLast && !gone(j) && !slices.ContainsFunc(others, gone) {
			uses = append(uses, *a)
		}
	}
	return uses
}

// footprintWithout is what event i uses if event j and others, and what comes after
// them, have not happened.
func (o *order) footprintWithout(f *feet, i, j int, others []int) footprint {
	e := &o.events[i]
	if !e.acts {
		return o.footprint(f, i)
	}
	o.expected = o.expected[:0]
	for u := e.first; u < e.end; u++ {
		if !o.accesses[u].ByLast {
			o.expected = append(o.expected, o.accesses[u])
		}
	}
	o.expected = o.lasting(o.expected, i, j, others)
	return f.of(o.expected)
}
