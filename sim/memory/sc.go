package memory

// consistentSC checks sequential consistency: acyclic (po | rf | co | fr), and that
// no grace period is inside of a critical section. All new edges are at the events
// that are new, so a cycle leads through one of them.
func (g *graph) consistentSC(fresh set, x *scratch) bool {
	g.orders()
	for m := g.all; m != 0; {
		e := m.take()
		x.hb[e] = g.po[e] | g.rf[e] | g.coRow[e] | g.fr[e]
	}
	for fresh != 0 {
		if x.hb.reaches(fresh.take()) {
			return false
		}
	}
	if g.sync == 0 || g.sections == 0 {
		return true
	}
	x.link = x.hb
	x.link.closure(g.all)
	return g.gracePeriods(x)
}
