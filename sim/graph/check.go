package graph

import (
	"slices"

	"trapline/sim/memory"
)

// scratch is the working space of a check. Relations have the names of the model's
// published text; a star stands for the reflexive and transitive closure.
type scratch struct {
	width     int
	relations []*relation

	readers              relation
	coRow, fr            relation
	strong, fence        relation // strong-fence, fence
	wmb, poRel           relation
	unlockLock           relation // po-unlock-lock-po
	ppo, overwrite       relation
	cumul, cumulStar     relation // cumul-fence
	prop, hb, hbStar     relation
	propStrong           relation // prop ; strong-fence
	pb, pbStar           relation
	linked, link, grace  relation // rcu-link, rcu-order
	rcuFence, propRCU    relation
	rb                   relation
	xbStar               relation
	strongRCU, fenceRCU  relation // with rcu-fence
	wPre, rPre           relation // w-pre-bounded, r-pre-bounded
	wPost, rPost         relation // w-post-bounded, r-post-bounded
	vis                  relation
	wwVis, wrVis, xbRead relation // ww-vis, wr-vis, rw-xbstar

	M, marked, all    row
	initials, a, b, c row
	reads             row

	lastOf []Event // by task
}

// lists are the relations and sets of a scratch.
func (x *scratch) list() {
	if x.relations == nil {
		x.relations = []*relation{
			&x.readers, &x.coRow, &x.fr, &x.strong, &x.fence, &x.wmb, &x.poRel, &x.unlockLock, &x.ppo, &x.overwrite,
			&x.cumul, &x.cumulStar, &x.prop, &x.hb, &x.hbStar, &x.propStrong, &x.pb, &x.pbStar, &x.linked, &x.link,
			&x.grace, &x.rcuFence, &x.propRCU, &x.rb, &x.xbStar, &x.strongRCU, &x.fenceRCU, &x.wPre, &x.rPre, &x.wPost,
			&x.rPost, &x.vis, &x.wwVis, &x.wrVis, &x.xbRead,
		}
	}
}

// rows makes room for sets.
func (g *Graph) rows() *scratch {
	x := &g.x
	x.list()
	if x.width != g.width {
		x.width = g.width
		for _, s := range []*row{&x.M, &x.marked, &x.all, &x.initials, &x.a, &x.b, &x.c, &x.reads} {
			*s = make(row, g.width)
		}
	}
	return x
}

// begin makes room for a check of the graph.
func (g *Graph) begin() *scratch {
	x := g.rows()
	for _, r := range x.relations {
		r.size(g.n, g.width)
	}

	clear(x.all)
	for e := range g.n {
		x.all.add(e)
	}
	k := &g.kinds
	for i := range x.M {
		x.M[i] = k.R[i] | k.W[i]
		x.marked[i] = x.all[i] &^ k.plain[i]
		x.reads[i] = k.R[i] &^ k.noReturn[i]
	}
	g.orders(x)
	return x
}

// orders fills coRow and fr.
func (g *Graph) orders(x *scratch) {
	for _, l := range g.used {
		loc := &g.locations[l]
		if len(loc.co) == 0 {
			continue
		}
		clear(x.initials)
		for _, e := range loc.events {
			if !g.kinds.R.has(int(e)) {
				continue
			}
			if from := g.events[e].from; from >= 0 {
				x.readers.at(int(from)).add(int(e))
			} else {
				x.initials.add(int(e))
			}
		}
		stores := x.a
		clear(stores)
		for _, w := range loc.co {
			x.coRow.at(int(w)).or(stores)
			x.fr.at(int(w)).or(x.initials)
			stores.add(int(w))
			x.initials.or(x.readers.at(int(w)))
		}
	}
}

// inside are the events of the task of e.
func (g *Graph) inside(e int) row { return g.tasks[g.events[e].task].events }

// consistent checks the axioms of the model, at a location for coherence.
func (g *Graph) consistent(loc int) bool {
	return g.late == 0 && g.inTime() || g.holds(loc)
}

// holds is consistent without a short cut.
func (g *Graph) holds(loc int) bool {
	if loc >= 0 && !g.coherent(loc) {
		return false
	}
	x := g.begin()
	switch g.model {
	case memory.SC:
		return g.consistentSC(x)
	case memory.TSO:
		return g.consistentTSO(x)
	default:
		return g.consistentLKMM(x)
	}
}

// coherent checks the axioms coherence, acyclic (po-loc | rf | co | fr), and atomic,
// empty (rmw & (fre ; coe)), for one location: along each task, positions in the
// coherence order must not go back, and must go on at stores.
func (g *Graph) coherent(loc int) bool {
	l := &g.locations[loc]
	for i, w := range l.co {
		r := g.events[w].rmw
		if r < 0 {
			continue
		}
		before := Initial
		if i > 0 {
			before = l.co[i-1]
		}
		if g.events[r].from != before {
			return false
		}
	}
	for i, e := range l.events {
		t := g.events[e].task
		at := g.position(l, e)
		for j := i - 1; j >= 0; j-- {
			if d := l.events[j]; g.events[d].task == t {
				if was := g.position(l, d); was > at || was == at && g.kinds.W.has(int(e)) {
					return false
				}
				break
			}
		}
	}
	return true
}

// position is where an access stands in the coherence order: a load where the store is
// that it reads from.
func (g *Graph) position(l *location, e Event) int {
	if !g.kinds.W.has(int(e)) {
		e = g.events[e].from
	}
	if e < 0 {
		return 0
	}
	return slices.Index(l.co, e) + 1
}

// consistentSC checks sequential consistency: acyclic (po | rf | co | fr), and that no
// grace period is inside of a critical section.
func (g *Graph) consistentSC(x *scratch) bool {
	for e := range g.n {
		h := x.link.at(e)
		h.or(g.po.at(e))
		h.or(g.rf.at(e))
		h.or(x.coRow.at(e))
		h.or(x.fr.at(e))
	}
	return x.link.closure(g.n) && (len(g.periods) == 0 || len(g.sections) == 0 || g.gracePeriods(x))
}

// consistentTSO checks x86-TSO: acyclic ghb, which has rf between tasks, co, fr, and
// program order but for stores before loads. Grace periods are held against
// po | po ; ghb* ; po.
func (g *Graph) consistentTSO(x *scratch) bool {
	for e := range g.n {
		h := x.hb.at(e)
		g.keptByTSO(x, e, h)
		h.orNot(g.rf.at(e), g.inside(e))
		h.or(x.coRow.at(e))
		h.or(x.fr.at(e))
	}
	if !x.hb.closure(g.n) {
		return false
	}
	if len(g.periods) == 0 || len(g.sections) == 0 {
		return true
	}
	x.hb.reflexive(g.n)
	for e := range g.n {
		clear(x.a)
		x.hb.through(x.a, g.po.at(e))
		d := x.link.at(e)
		d.or(g.po.at(e))
		g.po.through(d, x.a)
	}
	return g.gracePeriods(x)
}

// keptByTSO adds to d what x86 keeps of program order before e.
func (g *Graph) keptByTSO(x *scratch, e int, d row) {
	if !x.M.has(e) {
		return
	}
	po := g.po.at(e)
	if !g.kinds.R.has(e) || g.kinds.locked.has(e) {
		d.orAnd(po, x.M)
		return
	}
	d.orAnd(po, g.kinds.R)
	copy(x.b, po)
	x.b.below(g.events[e].fences.tso)
	d.orAnd(x.b, x.M)
}

// Sources lists the stores to a location from which a load, or a read-modify-write,
// of a task may read, the newest first. writes says of each whether a
// read-modify-write that reads from it writes; it may be nil if it always does.
func (g *Graph) Sources(t, loc int, u Use, writes func(Event) bool, buffer []Event) []Event {
	all := buffer[:0]
	l := g.location(loc)
	known := g.knows(t, false)
	floor := g.floor(t, l, known)
	for i := len(l.co); i >= floor; i-- {
		from := Initial
		if i > 0 {
			from = l.co[i-1]
		}
		w := u.RMW && (writes == nil || writes(from))
		if i == len(l.co) && (!g.confined(t) || !w && g.noNews(t, from)) || g.tryLoad(t, loc, u, from, w) {
			all = append(all, from)
		}
	}
	return all
}

// floor is the position in the coherence order behind which a task cannot go back: it
// has been there, or it has been told of what is there.
func (g *Graph) floor(t int, l *location, known row) int {
	own := 0
	for i := len(l.events) - 1; i >= 0; i-- {
		if e := l.events[i]; int(g.events[e].task) == t {
			own = g.position(l, e)
			break
		}
	}
	for i := len(l.co); i > own; i-- {
		if known.has(int(l.co[i-1])) {
			return i
		}
	}
	return own
}

// confined says whether a grace period may keep a task from reading what is newest.
func (g *Graph) confined(t int) bool {
	return len(g.periods) > 0 && len(g.task(t).open) > 0
}

// tryLoad says whether a load may read from a store.
func (g *Graph) tryLoad(t, loc int, u Use, from Event, writes bool) bool {
	return g.ifLoaded(t, loc, u, from, writes, g.consistent)
}

// ifLoaded says what holds says of the graph with a load more.
func (g *Graph) ifLoaded(t, loc int, u Use, from Event, writes bool, holds func(loc int) bool) bool {
	n := g.n
	if u.RMW {
		g.rmw(t, loc, u, from, writes)
	} else {
		g.load(t, loc, u, g.task(t).fences, from, false)
	}
	ok := holds(loc)
	for g.n > n {
		g.pop()
	}
	return ok
}

// Places lists the places in the coherence order of a location at which a store of a
// task may stand, the last first.
func (g *Graph) Places(t, loc int, a memory.Access, buffer []int) []int {
	all := buffer[:0]
	l := g.location(loc)
	floor := g.floor(t, l, g.knows(t, true))
	for i := len(l.co); i >= floor; i-- {
		if i == len(l.co) && !g.confined(t) {
			all = append(all, i)
			continue
		}
		w := g.store(t, loc, g.task(t).fences, i)
		g.mark(w, a)
		if g.consistent(loc) {
			all = append(all, i)
		}
		g.pop()
		l = &g.locations[loc]
	}
	return all
}

// Consistent says whether the graph is consistent. It is, unless a task has received
// something in a critical section that a grace period must not let it know.
func (g *Graph) Consistent() bool { return g.consistent(-1) }

// Confined says whether the next event of a task needs to be checked, whatever it is.
func (g *Graph) Confined(t int) bool { return g.confined(t) }
