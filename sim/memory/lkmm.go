package memory

// scratch is the working space of a check. Relations have the names of the model's
// published text; a star stands for the reflexive and transitive closure.
type scratch struct {
	overwrite            relation // (co | fr) & ext
	strong               relation // strong-fence
	fence                relation
	ppo                  relation
	cumul, cumulStar     relation // cumul-fence
	prop, hb, pb         relation
	hbStar, pbStar       relation
	propStrong           relation // prop ; strong-fence
	link, grace          relation // rcu-link, rcu-order
	rcuFence, rb, xbStar relation
	plain                plainScratch
	linked, propRCU      relation
}

// consistentLKMM checks the axioms happens-before, propagation, rcu and
// plain-coherence of the Linux-kernel memory model. See "Frightening small children
// and disconcerting grown-ups" (ASPLOS 2018) and the kernel's
// tools/memory-model/Documentation/explanation.txt.
func (g *graph) consistentLKMM(x *scratch) bool {
	g.orders()
	g.fences(x)
	g.preserved(x)
	g.cumulFence(x)
	g.propagated(x)
	if !g.happensBefore(x) {
		return false
	}
	if !g.propagation(x) {
		return false
	}
	// Grace periods alone are strong fences, of which propagated and propagation know.
	// Two of them in a row order plain accesses of other tasks besides.
	rcu := g.sync != 0 && (g.sections > 0 || g.plain != 0 && g.sync&(g.sync-1) != 0)
	if rcu && !g.rcu(x) {
		return false
	}
	return g.plain == 0 || g.plainCoherence(x, rcu)
}

// fences makes strong-fence and fence, so far without rcu-fence.
func (g *graph) fences(x *scratch) {
	for m := g.all; m != 0; {
		e := m.take()
		x.strong[e] = g.mb[e] | g.gp[e]
		x.fence[e] = x.strong[e] | g.poRel[e] | g.acqPo[e] | g.wmb[e] | g.rmb[e]
	}
}

// preserved makes ppo: what a task's own accesses keep of program order.
func (g *graph) preserved(x *scratch) {
	marked := g.marked()
	for m := g.all; m != 0; {
		e := m.take()
		inside := g.tasks[g.event[e].task]
		ppo := (x.fence[e] | g.unlockLock[e]) & inside
		if g.R.has(e) { // to-r
			ppo |= g.addr[e]
			if w := g.rf[e] & inside & marked; w != 0 {
				ppo |= g.addr.before(w) | g.data.before(w)
			}
		}
		if g.W.has(e) { // to-w
			ppo |= g.addr[e] | g.data[e] | g.ctrl[e] | (g.coRow[e]|g.fr[e])&inside
			ppo |= g.addr.before(g.wmb[e] & g.plain)
		}
		x.ppo[e] = ppo
		x.overwrite[e] = (g.coRow[e] | g.fr[e]) &^ inside
	}
}

// cumulFence makes cumul-fence, that orders the propagation of stores to other CPUs,
// and its closure.
func (g *graph) cumulFence(x *scratch) {
	marked := g.marked()
	for m := g.all &^ marked; m != 0; {
		e := m.take()
		x.cumul[e], x.cumulStar[e] = 0, one(e)
	}
	for m := marked; m != 0; {
		e := m.take()
		s := x.strong[e] | g.poRel[e]
		for reads := s & marked & g.R; reads != 0; { // A-cumul
			r := reads.take()
			s |= g.rf[r] &^ g.tasks[g.event[r].task]
		}
		x.cumul[e] = (s | g.wmb[e] | g.unlockLock[e]) & marked
	}
	for m := g.all & g.W; m != 0; {
		e := m.take()
		all := x.cumul[e]
		var seen set
		for w := e; g.event[w].rmw >= 0 && !seen.has(w); { // rmw-sequence
			seen |= one(w)
			from := g.event[g.event[w].rmw].from
			if from < 0 || !g.all.has(from) {
				break
			}
			all |= x.cumul[from]
			w = from
		}
		x.cumulStar[e] = all
	}
	for m := g.all &^ g.W; m != 0; {
		e := m.take()
		x.cumulStar[e] = x.cumul[e]
	}
	x.cumulStar.closure(g.all)
	x.cumulStar.reflexive(g.all)
}

// propagated makes prop: an access, the stores that overwrite it on another CPU, and
// what is sure to have propagated before a store.
func (g *graph) propagated(x *scratch) {
	marked := g.marked()
	for m := g.all; m != 0; {
		e := m.take()
		if !marked.has(e) {
			x.prop[e] = 0
			continue
		}
		s := x.cumulStar[e]
		if w := g.rf[e] & marked &^ g.tasks[g.event[e].task]; w != 0 {
			s |= x.cumulStar.before(w)
		}
		x.prop[e] = (s | x.overwrite.before(s)) & marked
	}
}

// happensBefore makes hb and checks that it is acyclic.
func (g *graph) happensBefore(x *scratch) bool {
	marked := g.marked()
	for m := g.all; m != 0; {
		e := m.take()
		x.hb[e] = 0
		if marked.has(e) {
			inside := g.tasks[g.event[e].task]
			x.hb[e] = (x.ppo[e] | g.rf[e]&^inside | x.prop[e]&inside&^one(e)) & marked
		}
	}
	x.hbStar = x.hb
	if !x.hbStar.closure(g.all) {
		return false
	}
	x.hbStar.reflexive(g.all)
	return true
}

// propagation makes pb, prop ; strong-fence ; hb*, and checks that it is acyclic.
func (g *graph) propagation(x *scratch) bool {
	marked := g.marked()
	some := set(0)
	for m := g.all; m != 0; {
		e := m.take()
		x.propStrong[e] = x.prop.before(x.strong[e])
		some |= x.propStrong[e]
		x.pb[e] = 0
	}
	if some != 0 {
		for m := marked; m != 0; {
			e := m.take()
			x.pb[e] = x.propStrong.before(x.hbStar[e])
		}
	}
	x.pbStar = x.pb
	if some != 0 && !x.pbStar.closure(g.all) {
		return false
	}
	x.pbStar.reflexive(g.all)
	return true
}

// rcu makes rcu-link, rcu-order, rcu-fence and rb, and checks that rb is irreflexive.
func (g *graph) rcu(x *scratch) bool {
	for m := g.all; m != 0; {
		e := m.take()
		s := x.hbStar.before(x.pbStar.before(x.prop[e]))
		x.linked[e] = s | g.po.before(s)
	}
	for m := g.all; m != 0; {
		e := m.take()
		x.link[e] = x.linked.before(g.po[e])
	}
	g.graceOrder(x)
	for m := g.all; m != 0; {
		e := m.take()
		x.rcuFence[e] = g.po.before(x.grace.before(g.po[e] | one(e)))
		x.propRCU[e] = x.prop.before(x.rcuFence[e])
	}
	marked := g.marked()
	for m := g.all; m != 0; {
		e := m.take()
		x.rb[e] = 0
		if marked.has(e) {
			x.rb[e] = x.propRCU.before(x.hbStar.before(x.pbStar[e]))
		}
		if x.rb[e].has(e) {
			return false
		}
	}
	return true
}
