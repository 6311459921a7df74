package graph

import "trapline/sim/memory"

// Barrier is a barrier that could stand in a task, just before one of its events.
type Barrier struct {
	Fence memory.Fence
	// Before is the event, and After the one before it in the task.
	Before, After Event
}

// mostPairs bounds the events of a graph for which pairs of barriers are tried.
const mostPairs = 96

// Cures lists barriers that would have forbidden the graph: one of them alone, or two
// together, of which weaker ones come first. There are at most so many answers.
func (g *Graph) Cures(most int) [][]Barrier {
	var cures [][]Barrier
	places := g.between()
	kinds := []memory.Fence{memory.Wmb, memory.Rmb, memory.Mb}
	try := func(all ...Barrier) {
		if len(cures) < most && !g.allows(all) {
			cures = append(cures, append([]Barrier(nil), all...))
		}
	}
	for _, kind := range kinds {
		for _, p := range places {
			if g.fits(kind, p) {
				try(Barrier{kind, p.Before, p.After})
			}
		}
	}
	if len(cures) > 0 || g.n > mostPairs {
		return cures
	}
	for sum := 0; sum <= 4 && len(cures) == 0; sum++ {
		for i, p := range places {
			for _, q := range places[i+1:] {
				for a := range kinds {
					if b := sum - a; b >= 0 && b < len(kinds) && g.fits(kinds[a], p) && g.fits(kinds[b], q) && g.Task(p.Before) != g.Task(q.Before) {
						try(Barrier{kinds[a], p.Before, p.After}, Barrier{kinds[b], q.Before, q.After})
					}
				}
			}
		}
	}
	return cures
}

// between lists the places between accesses of one task.
func (g *Graph) between() []Barrier {
	var all []Barrier
	last := map[int32]Event{}
	for e := range g.n {
		ev := &g.events[e]
		if ev.loc < 0 || ev.rmw >= 0 {
			if ev.rmw >= 0 {
				last[ev.task] = Event(e)
			}
			continue
		}
		if before, ok := last[ev.task]; ok {
			all = append(all, Barrier{Before: Event(e), After: before})
		}
		last[ev.task] = Event(e)
	}
	return all
}

// fits says whether a barrier can order what stands around a place.
func (g *Graph) fits(f memory.Fence, p Barrier) bool {
	k := &g.kinds
	before, after := int(p.After), int(p.Before)
	switch f {
	case memory.Wmb:
		return k.W.has(before) && (k.W.has(after) || k.locked.has(after))
	case memory.Rmb:
		return (k.R.has(before) || k.locked.has(before)) && k.R.has(after)
	}
	return true
}

// allows says whether the graph is consistent with more barriers.
func (g *Graph) allows(all []Barrier) bool {
	old := make([]fences, g.n)
	for e := range g.n {
		old[e] = g.events[e].fences
	}
	for _, b := range all {
		task, at := g.events[b.Before].task, int32(b.Before)
		for e := int(at); e < g.n; e++ {
			if g.events[e].task != task {
				continue
			}
			f := &g.events[e].fences
			switch b.Fence {
			case memory.Mb:
				f.mb, f.tso = max(f.mb, at), max(f.tso, at)
			case memory.Rmb:
				f.rmb = max(f.rmb, at)
			case memory.Wmb:
				f.wmb = max(f.wmb, at)
			}
		}
	}
	ok := g.consistent(-1)
	for e := range g.n {
		g.events[e].fences = old[e]
	}
	return ok
}
