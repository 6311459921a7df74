package graph

import "slices"

// inTime says whether the order in which the events came explains a graph in which none
// is late: it is an interleaving, and every model allows that. But a grace period that
// came in the middle of a critical section must then have been before or after it,
// which is possible if what came between does not tell.
func (g *Graph) inTime() bool {
	if len(g.periods) == 0 || len(g.sections) == 0 {
		return true
	}
	x := g.rows()
	x.grace.size(g.n, g.width)
	x.link.size(g.n, g.width)
	x.lastOf = append(x.lastOf[:0], make([]Event, len(g.tasks))...)
	g.passed(x)
	return g.gracePeriods(x)
}

// passed makes link what came before each event, if none is late.
func (g *Graph) passed(x *scratch) {
	ends := &g.kinds.ends
	for i := range x.lastOf {
		x.lastOf[i] = Initial
	}
	through := func(e int) {
		x.link.at(e).or(g.po.at(e))
		x.link.through(x.link.at(e), g.po.at(e))
	}
	for e := range g.n {
		if ends.has(e) {
			continue
		}
		ev, d := &g.events[e], x.link.at(e)
		follows := func(before Event) {
			d.or(x.link.at(int(before)))
			d.add(int(before))
		}
		po := g.po.at(e)
		d.or(po)
		if last := x.lastOf[ev.task]; last >= 0 {
			follows(last)
		}
		x.lastOf[ev.task] = Event(e)
		for i := range po { // another task may have ended the section
			x.a[i] = po[i] & (*ends)[i]
		}
		for u := x.a.next(0); u >= 0; u = x.a.next(u + 1) {
			if x.link.at(u).empty() {
				through(u)
			}
			follows(Event(u))
		}
		from := g.rf.at(e)
		for w := from.next(0); w >= 0; w = from.next(w + 1) {
			follows(Event(w))
		}
		if ev.loc >= 0 && g.kinds.W.has(e) {
			all := g.locations[ev.loc].events
			i, _ := slices.BinarySearch(all, Event(e))
			for i--; i >= 0; i-- {
				follows(all[i])
				if g.kinds.W.has(int(all[i])) {
					break
				}
			}
		}
	}
	for i := range g.sections {
		if u := int(g.sections[i].unlock); x.link.at(u).empty() {
			through(u)
		}
	}
}

// News says whether the acquire of a lock, or of what was sent, has told its task
// anything. If not, the graph is as consistent as it was: nobody only looks whether a lock
// is taken, so who has taken it before has told of all before him.
func (g *Graph) News(r Event) bool {
	if g.handed {
		return true
	}
	g.tell()
	told, inside, from := g.tellings.told.at(int(r)), g.inside(int(r)), g.rf.at(int(r))
	for w := from.next(0); w >= 0; w = from.next(w + 1) {
		if !told.has(w) && !inside.has(w) {
			return true
		}
	}
	return false
}

// noNews says whether a load of a task from the newest store tells it nothing that it
// had not been told: then it breaks no rule, for its task could have known before. Where
// a section is handed over it is not so: its end tells, too.
func (g *Graph) noNews(t int, from Event) bool {
	return !g.handed && (from < 0 || int(g.events[from].task) == t || g.knows(t, false).has(int(from)))
}
