package graph

import "trapline/sim/memory"

// plainCoherence makes the relations that tell how long a plain access may take, and
// when it is sure to be over, and checks the axiom plain-coherence: that no rf, fr or
// co leads against them.
func (g *Graph) plainCoherence(x *scratch, rcu bool) bool {
	for e := range g.n {
		s := x.xbStar.at(e)
		s.or(x.hb.at(e))
		s.or(x.pb.at(e))
		x.strongRCU.at(e).or(x.strong.at(e))
		x.fenceRCU.at(e).or(x.fence.at(e))
		if rcu {
			s.or(x.rb.at(e))
			x.strongRCU.at(e).or(x.rcuFence.at(e))
			x.fenceRCU.at(e).or(x.rcuFence.at(e))
		}
	}
	x.xbStar.closure(g.n)
	x.xbStar.reflexive(g.n)
	g.bounds(x)
	g.visible(x)
	for e := range g.n {
		clear(x.a)
		x.xbStar.through(x.a, x.wPre.at(e))
		ww := x.wwVis.at(e)
		ww.or(x.fenceRCU.at(e))
		x.strongRCU.through(ww, x.a)
		clear(x.b)
		x.vis.through(x.b, x.wPre.at(e))
		x.wPost.through(ww, x.b)
		rw := x.xbRead.at(e)
		rw.or(x.fenceRCU.at(e))
		x.rPost.through(rw, x.a)
		clear(x.a)
		clear(x.b)
		x.xbStar.through(x.a, x.rPre.at(e))
		wr := x.wrVis.at(e)
		wr.or(x.fenceRCU.at(e))
		x.strongRCU.through(wr, x.a)
		x.vis.through(x.b, x.rPre.at(e))
		x.wPost.through(wr, x.b)
	}
	may := x.c
	for e := range g.n {
		if !x.M.has(e) {
			continue
		}
		g.preRace(x, e, may)
		for w := g.rf.at(e).next(0); w >= 0; w = g.rf.at(e).next(w + 1) { // wr-incoh
			if may.has(w) && x.xbRead.at(w).has(e) {
				return false
			}
		}
		for r := x.fr.at(e).next(0); r >= 0; r = x.fr.at(e).next(r + 1) { // rw-incoh
			if may.has(r) && x.wrVis.at(r).has(e) {
				return false
			}
		}
		for w := x.coRow.at(e).next(0); w >= 0; w = x.coRow.at(e).next(w + 1) { // ww-incoh
			if may.has(w) && x.wwVis.at(w).has(e) {
				return false
			}
		}
	}
	return true
}

// bounds makes the w- and r-, pre- and post-bounded relations.
func (g *Graph) bounds(x *scratch) {
	k := &g.kinds
	for e := range g.n {
		po := g.po.at(e)
		nonRW := x.a // fence without smp_rmb and smp_wmb
		copy(nonRW, x.strong.at(e))
		nonRW.or(x.poRel.at(e))
		if x.M.has(e) {
			nonRW.orAnd(po, k.acquire)
		}
		wPre := x.wPre.at(e)
		wPre.or(x.fenceRCU.at(e))
		if x.M.has(e) {
			// Only an address dependency holds a plain store back: the compiler may
			// make one that depends by data or control before it knows whether it must.
			wPre.orAnd(po, k.pointer)
		}
		wPre.add(e)
		wPre.and(x.marked)
		rPre := x.rPre.at(e)
		rPre.or(nonRW)
		if x.M.has(e) {
			rPre.orAnd(po, k.pointer)
		}
		upTo := g.upTo(e, g.events[e].fences.rmb, x.b)
		if !k.noReturn.has(e) {
			rPre.orAnd(upTo, x.reads)
		}
		rPre.add(e)
		rPre.and(x.marked)
		if !x.marked.has(e) {
			continue
		}
		rPost := x.rPost.at(e)
		rPost.or(nonRW)
		if x.reads.has(e) {
			rPost.orNot(upTo, k.noReturn)
		}
		rPost.add(e)
		wPost := x.wPost.at(e)
		wPost.or(x.fenceRCU.at(e))
		wPost.add(e)
	}
	for e := range g.n {
		if g.events[e].rmw < 0 {
			continue
		}
		wPost := x.wPost.at(e)
		g.sequence(e, func(from int) {
			if x.marked.has(from) {
				wPost.add(from)
				wPost.or(x.fenceRCU.at(from))
			}
		})
	}
}

// visible makes vis.
func (g *Graph) visible(x *scratch) {
	for e := range g.n {
		inside := g.inside(e)
		ends := x.a
		copy(x.b, x.xbStar.at(e))
		x.b.and(x.marked)
		clear(ends)
		x.strongRCU.through(ends, x.b)
		ends.orAnd(x.xbStar.at(e), inside)
		ends.and(x.marked)
		copy(x.b, ends)
		x.b.and(g.kinds.R)
		for r := x.b.next(0); r >= 0; r = x.b.next(r + 1) {
			ends.orNot(g.rf.at(r), g.inside(r))
		}
		x.cumulStar.through(x.vis.at(e), ends)
	}
}

// preRace makes the set of accesses of other tasks that would race with e if nothing
// came between: pre-race.
func (g *Graph) preRace(x *scratch, e int, into row) {
	clear(into)
	into.orNot(x.M, g.inside(e))
	if x.marked.has(e) {
		into.and(g.kinds.plain)
	}
}

// Races calls f with each pair of accesses that race under the model, until it returns
// false. It is silent if none of them is one that may be judged. Under TSO and SC a pair
// is in a race if nothing that synchronises orders it.
func (g *Graph) Races(judged, f func(a, b Event) bool) {
	suspected := false
	g.untold(func(a, b Event) bool {
		suspected = judged(a, b)
		return !suspected
	})
	if suspected {
		g.races(f)
	}
}

// races is Races without a short cut.
func (g *Graph) races(f func(a, b Event) bool) {
	if !g.relate() {
		return
	}
	x := &g.x
	for e := range g.n {
		if !x.M.has(e) {
			continue
		}
		may := x.c
		g.preRace(x, e, may)
		pair := func(d int, race bool) bool { return !race || f(Event(d), Event(e)) }
		from := x.b
		copy(from, g.rf.at(e))
		x.coRow.through(from, g.rf.at(e))
		for w := may.next(0); w >= 0; w = may.next(w + 1) {
			ok := true
			switch {
			case g.events[w].loc != g.events[e].loc || g.events[e].loc < 0:
			case x.coRow.at(e).has(w): // ww-race
				ok = pair(w, !x.wwVis.at(e).has(w) ||
					!x.marked.has(w) && !x.xbRead.at(e).has(w) ||
					!x.marked.has(e) && !x.wrVis.at(e).has(w))
			case from.has(w): // wr-race
				ok = pair(w, !x.wrVis.at(e).has(w) && !x.xbRead.at(w).has(e))
			case x.fr.at(e).has(w): // rw-race
				ok = pair(w, !x.xbRead.at(e).has(w))
			}
			if !ok {
				return
			}
		}
	}
}

// relate makes the relations that Races goes by.
func (g *Graph) relate() bool {
	x := g.begin()
	if g.model == memory.LKMM {
		return g.consistentLKMM(x)
	}
	// What is read tells what was done before, and a grace period what is over.
	if g.model == memory.SC && !g.consistentSC(x) || g.model != memory.SC && !g.consistentTSO(x) {
		return false
	}
	for e := range g.n {
		h := x.xbStar.at(e)
		h.or(g.po.at(e))
		if x.marked.has(e) {
			h.orAnd(g.rf.at(e), x.marked)
		}
		if len(g.periods) > 0 {
			clear(x.a)
			x.grace.through(x.a, g.po.at(e))
			g.po.through(h, x.a)
		}
	}
	x.xbStar.closure(g.n)
	x.wwVis.copyFrom(&x.xbStar)
	x.wrVis.copyFrom(&x.xbStar)
	x.xbRead.copyFrom(&x.xbStar)
	return true
}
