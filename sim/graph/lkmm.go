package graph

// consistentLKMM checks the axioms happens-before, propagation, rcu and
// plain-coherence of the Linux-kernel memory model. See "Frightening small children
// and disconcerting grown-ups" (ASPLOS 2018) and the kernel's
// tools/memory-model/Documentation/explanation.txt.
func (g *Graph) consistentLKMM(x *scratch) bool {
	g.fences(x)
	g.preserved(x)
	g.cumulFence(x)
	g.propagated(x)
	if !g.happensBefore(x) || !g.propagation(x) {
		return false
	}
	// Grace periods alone are strong fences, of which propagated and propagation know.
	// Two of them in a row order plain accesses of other tasks besides.
	rcu := len(g.periods) > 0 && len(g.sections) > 0 || len(g.periods) > 1 && !g.kinds.plain.empty()
	if rcu && !g.rcu(x) {
		return false
	}
	return g.kinds.plain.empty() || g.plainCoherence(x, rcu)
}

// upTo is what comes before e in its task up to an event number.
func (g *Graph) upTo(e int, n int32, into row) row {
	copy(into, g.po.at(e))
	into.below(n)
	return into
}

// fences makes strong-fence, fence and what they are made of, so far without
// rcu-fence.
func (g *Graph) fences(x *scratch) {
	k := &g.kinds
	locks := !k.lockR.empty()
	for e := range g.n {
		ev := &g.events[e]
		po, strong := g.po.at(e), x.strong.at(e)
		if locks {
			copy(x.a, po)
			x.a.and(k.lockR)
			g.handovers(x.unlockLock.at(e), x.a, x)
		}
		if gp := ev.fences.gp; gp >= 0 {
			strong.or(g.po.at(int(gp)))
		}
		fence := x.fence.at(e)
		if x.M.has(e) {
			if ev.fences.mb > 0 {
				strong.orAnd(g.upTo(e, ev.fences.mb, x.a), x.M)
			}
			if locks && ev.fences.unlockLock > 0 {
				a := g.upTo(e, ev.fences.unlockLock, x.a)
				a.and(k.lockR)
				clear(x.c)
				g.handovers(x.c, a, x)
				strong.orAnd(x.c, x.M)
			}
			fence.orAnd(po, k.acquire)
			if k.release.has(e) {
				x.poRel.at(e).orAnd(po, x.M)
			}
			if x.reads.has(e) && ev.fences.rmb > 0 {
				fence.orAnd(g.upTo(e, ev.fences.rmb, x.a), x.reads)
			}
			if k.W.has(e) && ev.fences.wmb > 0 {
				x.wmb.at(e).orAnd(g.upTo(e, ev.fences.wmb, x.a), k.W)
			}
		}
		fence.or(strong)
		fence.or(x.poRel.at(e))
		fence.or(x.wmb.at(e))
	}
}

// handovers adds po-unlock-lock-po up to some events LKR: what comes before an unlock
// from which the lock was taken, or which the task did before.
func (g *Graph) handovers(d, locks row, x *scratch) {
	for l := locks.next(0); l >= 0; l = locks.next(l + 1) {
		copy(x.b, g.po.at(l))
		x.b.or(g.rf.at(l))
		x.b.and(g.kinds.ul)
		g.po.through(d, x.b)
	}
}

// dependencies adds the loads on which e may depend: its address, and, for a store,
// its value and whether it is done.
func (g *Graph) dependencies(x *scratch, e int, d row) {
	d.orAnd(g.po.at(e), g.kinds.pointer)
	if g.kinds.W.has(e) {
		d.orAnd(g.po.at(e), x.reads)
	}
}

// preserved makes ppo: what a task's own accesses keep of program order.
func (g *Graph) preserved(x *scratch) {
	for e := range g.n {
		inside, ppo := g.inside(e), x.ppo.at(e)
		if !x.M.has(e) {
			ppo.or(x.fence.at(e))
			ppo.orAnd(x.unlockLock.at(e), inside)
			continue
		}
		ppo.or(x.fence.at(e))
		ppo.orAnd(x.unlockLock.at(e), inside)
		g.dependencies(x, e, ppo)
		if g.kinds.R.has(e) {
			// What the value of a store of the task depends on, for a load of it.
			copy(x.a, g.rf.at(e))
			x.a.and(inside)
			for w := x.a.next(0); w >= 0; w = x.a.next(w + 1) {
				if x.marked.has(w) {
					g.dependencies(x, w, ppo)
				}
			}
		}
		if g.kinds.W.has(e) {
			ppo.orAnd(x.coRow.at(e), inside)
			ppo.orAnd(x.fr.at(e), inside)
			copy(x.a, x.wmb.at(e))
			x.a.and(g.kinds.plain)
			for w := x.a.next(0); w >= 0; w = x.a.next(w + 1) {
				ppo.orAnd(g.po.at(w), g.kinds.pointer)
			}
		}
		over := x.overwrite.at(e)
		over.orNot(x.coRow.at(e), inside)
		over.orNot(x.fr.at(e), inside)
	}
}

// sequence calls f for the stores before w of a sequence of read-modify-writes that
// ends in it.
func (g *Graph) sequence(w int, f func(from int)) {
	for g.events[w].rmw >= 0 {
		from := g.events[g.events[w].rmw].from
		if from < 0 {
			return
		}
		f(int(from))
		w = int(from)
	}
}

// cumulFence makes cumul-fence, that orders the propagation of stores to other CPUs,
// and its closure.
func (g *Graph) cumulFence(x *scratch) {
	for e := range g.n {
		if !x.marked.has(e) {
			continue
		}
		s := x.cumul.at(e)
		s.or(x.strong.at(e))
		s.or(x.poRel.at(e))
		inside := g.inside(e)
		copy(x.a, s)
		x.a.and(x.marked)
		x.a.and(g.kinds.R)
		for r := x.a.next(0); r >= 0; r = x.a.next(r + 1) { // A-cumul
			s.orNot(g.rf.at(r), inside)
		}
		s.or(x.wmb.at(e))
		s.or(x.unlockLock.at(e))
		s.and(x.marked)
	}
	x.cumulStar.copyFrom(&x.cumul)
	for e := range g.n {
		if g.events[e].rmw >= 0 {
			s := x.cumulStar.at(e)
			g.sequence(e, func(from int) { s.or(x.cumul.at(from)) })
		}
	}
	x.cumulStar.closure(g.n)
	x.cumulStar.reflexive(g.n)
}

// propagated makes prop: an access, the stores that overwrite it on another CPU, and
// what is sure to have propagated before a store.
func (g *Graph) propagated(x *scratch) {
	for e := range g.n {
		if !x.marked.has(e) {
			continue
		}
		s := x.a
		copy(s, x.cumulStar.at(e))
		inside := g.inside(e)
		from := g.rf.at(e)
		for w := from.next(0); w >= 0; w = from.next(w + 1) {
			if x.marked.has(w) && !inside.has(w) {
				s.or(x.cumulStar.at(w))
			}
		}
		p := x.prop.at(e)
		p.or(s)
		x.overwrite.through(p, s)
		p.and(x.marked)
	}
}

// happensBefore makes hb and checks that it is acyclic.
func (g *Graph) happensBefore(x *scratch) bool {
	for e := range g.n {
		if !x.marked.has(e) {
			continue
		}
		inside, hb := g.inside(e), x.hb.at(e)
		hb.or(x.prop.at(e))
		hb.and(inside)
		hb.remove(e)
		hb.or(x.ppo.at(e))
		hb.orNot(g.rf.at(e), inside)
		hb.and(x.marked)
	}
	x.hbStar.copyFrom(&x.hb)
	if !x.hbStar.closure(g.n) {
		return false
	}
	x.hbStar.reflexive(g.n)
	return true
}

// propagation makes pb, prop ; strong-fence ; hb*, and checks that it is acyclic.
func (g *Graph) propagation(x *scratch) bool {
	some := false
	for e := range g.n {
		p := x.propStrong.at(e)
		x.prop.through(p, x.strong.at(e))
		some = some || !p.empty()
	}
	if some {
		for e := range g.n {
			if x.marked.has(e) {
				x.propStrong.through(x.pb.at(e), x.hbStar.at(e))
			}
		}
		x.pbStar.copyFrom(&x.pb)
		if !x.pbStar.closure(g.n) {
			return false
		}
	}
	x.pbStar.reflexive(g.n)
	return true
}

// rcu makes rcu-link, rcu-order, rcu-fence and rb, and checks that rb is irreflexive.
func (g *Graph) rcu(x *scratch) bool {
	for e := range g.n {
		clear(x.a)
		clear(x.b)
		x.pbStar.through(x.a, x.prop.at(e))
		x.hbStar.through(x.b, x.a)
		l := x.linked.at(e)
		l.or(x.b)
		g.po.through(l, x.b)
	}
	for e := range g.n {
		x.linked.through(x.link.at(e), g.po.at(e))
	}
	g.graceOrder(x)
	for e := range g.n {
		clear(x.a)
		clear(x.b)
		copy(x.a, g.po.at(e))
		x.a.add(e)
		x.grace.through(x.b, x.a)
		g.po.through(x.rcuFence.at(e), x.b)
		x.prop.through(x.propRCU.at(e), x.rcuFence.at(e))
	}
	for e := range g.n {
		if !x.marked.has(e) {
			continue
		}
		clear(x.a)
		x.hbStar.through(x.a, x.pbStar.at(e))
		x.propRCU.through(x.rb.at(e), x.a)
		if x.rb.at(e).has(e) {
			return false
		}
	}
	return true
}
