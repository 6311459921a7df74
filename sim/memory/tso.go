package memory

// consistentTSO checks x86-TSO: coherence, and acyclic ghb, which has rf between tasks,
// co, fr, and program order but for stores before loads. Grace periods are held
// against po | po ; ghb* ; po.
func (g *graph) consistentTSO(fresh set, x *scratch) bool {
	g.orders()
	for m := g.all; m != 0; {
		e := m.take()
		x.hb[e] = g.tso[e] | g.rf[e]&^g.tasks[g.event[e].task] | g.coRow[e] | g.fr[e]
	}
	for fresh != 0 {
		if x.hb.reaches(fresh.take()) {
			return false
		}
	}
	if g.sync == 0 || g.sections == 0 {
		return true
	}
	x.hb.closure(g.all)
	x.hb.reflexive(g.all)
	for m := g.all; m != 0; {
		e := m.take()
		x.link[e] = g.po[e] | g.po.before(x.hb.before(g.po[e]))
	}
	return g.gracePeriods(x)
}
