package memory

// plainScratch is the working space for plain accesses.
type plainScratch struct {
	strong, fence    relation // with rcu-fence
	vis              relation
	wPre, rPre       relation // w-pre-bounded, r-pre-bounded
	wPost, rPost     relation // w-post-bounded, r-post-bounded
	wwVis, wrVis, rw relation // ww-vis, wr-vis, rw-xbstar
}

// plainCoherence makes the relations that tell how long a plain access may take, and
// when it is sure to be over, and checks the axiom plain-coherence: that no rf, fr
// or co leads against them.
func (g *graph) plainCoherence(x *scratch, rcu bool) bool {
	p := &x.plain
	marked := g.marked()
	for m := g.all; m != 0; {
		e := m.take()
		x.xbStar[e] = x.hb[e] | x.pb[e]
		p.strong[e], p.fence[e] = x.strong[e], x.fence[e]
		if rcu {
			x.xbStar[e] |= x.rb[e]
			p.strong[e] |= x.rcuFence[e]
			p.fence[e] |= x.rcuFence[e]
		}
	}
	x.xbStar.closure(g.all)
	x.xbStar.reflexive(g.all)
	g.bounds(x)
	g.visible(x)
	for m := g.all; m != 0; {
		e := m.take()
		strong := x.xbStar.before(p.wPre[e])
		p.wwVis[e] = p.fence[e] | p.strong.before(strong) | p.wPost.before(p.vis.before(p.wPre[e]))
		p.rw[e] = p.fence[e] | p.rPost.before(strong)
		p.wrVis[e] = p.fence[e] | p.strong.before(x.xbStar.before(p.rPre[e])) | p.wPost.before(p.vis.before(p.rPre[e]))
	}
	for m := g.all; m != 0; {
		e := m.take()
		may := g.preRace(e, marked)
		for s := may & g.rf[e]; s != 0; { // wr-incoh
			if w := s.take(); p.rw[w].has(e) {
				return false
			}
		}
		for s := may & g.fr[e]; s != 0; { // rw-incoh
			if r := s.take(); p.wrVis[r].has(e) {
				return false
			}
		}
		for s := may & g.coRow[e]; s != 0; { // ww-incoh
			if w := s.take(); p.wwVis[w].has(e) {
				return false
			}
		}
	}
	return true
}

// bounds makes the w- and r-, pre- and post-bounded relations.
func (g *graph) bounds(x *scratch) {
	p := &x.plain
	marked := g.marked()
	for m := g.all; m != 0; {
		e := m.take()
		own := one(e)
		// Only an address dependency holds a plain store back: the compiler may make
		// one that depends by data or control before it knows whether it must.
		p.wPre[e] = (own | g.addr[e] | p.fence[e]) & marked
		nonRW := x.strong[e] | g.poRel[e] | g.acqPo[e]
		before, after := g.readBarrier(e)
		p.rPre[e] = (own | g.addr[e] | nonRW | before) & marked
		p.rPost[e] = 0
		p.wPost[e] = 0
		if marked.has(e) {
			p.rPost[e] = own | nonRW | after
			p.wPost[e] = own | p.fence[e]
		}
	}
	for m := g.W; m != 0; { // rmw-sequence
		e := m.take()
		var seen set
		for w := e; g.event[w].rmw >= 0 && !seen.has(w); {
			seen |= one(w)
			from := g.event[g.event[w].rmw].from
			if from < 0 || !g.all.has(from) {
				break
			}
			if marked.has(from) {
				p.wPost[e] |= one(from) | p.fence[from]
			}
			w = from
		}
	}
}

// readBarrier returns the events before the last smp_rmb that it orders before e: as
// in r-pre-bounded, where it must be a load and e may be any event, and as in
// r-post-bounded, where e must be a load.
func (g *graph) readBarrier(e int) (pre, post set) {
	upTo := g.po[e] & low(g.base[g.event[e].task]+int(g.event[e].fences.rmb))
	if !g.noReturn.has(e) {
		pre = upTo & g.R &^ g.noReturn
	}
	if g.R.has(e) && !g.noReturn.has(e) {
		post = upTo &^ g.noReturn
	}
	return pre, post
}

// visible makes vis.
func (g *graph) visible(x *scratch) {
	p := &x.plain
	marked := g.marked()
	for m := g.all; m != 0; {
		e := m.take()
		ends := x.xbStar[e] & g.tasks[g.event[e].task]
		ends |= p.strong.before(x.xbStar[e] & marked)
		ends &= marked
		for s := ends & g.R; s != 0; {
			r := s.take()
			ends |= g.rf[r] &^ g.tasks[g.event[r].task]
		}
		p.vis[e] = x.cumulStar.before(ends)
	}
}

// preRace is the set of accesses of other tasks that would race with e if nothing
// came between: pre-race.
func (g *graph) preRace(e int, marked set) set {
	others := g.M() &^ g.tasks[g.event[e].task]
	if marked.has(e) {
		others &= g.plain
	}
	return others
}

// race reports whether the execution has a data race. The relations of
// plainCoherence must be there.
func (g *graph) race(x *scratch) bool {
	p := &x.plain
	marked := g.marked()
	for m := g.M(); m != 0; {
		e := m.take()
		may := g.preRace(e, marked)
		for s := may & g.coRow[e]; s != 0; { // ww-race
			w := s.take()
			if !p.wwVis[e].has(w) ||
				!marked.has(w) && !p.rw[e].has(w) ||
				!marked.has(e) && !p.wrVis[e].has(w) {
				return true
			}
		}
		from := g.rf[e] | g.coRow.before(g.rf[e])
		for s := may & from; s != 0; { // wr-race
			if w := s.take(); !p.wrVis[e].has(w) && !p.rw[w].has(e) {
				return true
			}
		}
		if may&g.fr[e]&^p.rw[e] != 0 { // rw-race
			return true
		}
	}
	return false
}
