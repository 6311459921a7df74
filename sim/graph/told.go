package graph

import "trapline/sim/memory"

// Most questions that a graph is asked have an answer that needs no check of the whole:
// one task has told another what it has done, by a lock, a release, a pointer. What is
// told is a part of what the model has as happens-before and propagation, and it can be
// kept as the graph grows. It rules out stores that a load may not read any more and
// places where a store may not stand any more, and data races.
//
// A task tells what it did before a release, a store behind smp_mb or behind a grace
// period, and what it has been told itself; whoever reads that, or the end of a
// sequence of read-modify-writes that begins there, is told, if the load is an acquire
// or a pointer through which the later accesses go, and behind the next smp_mb if it is
// not. Under SC and TSO each marked store tells, and each marked load is told.

// tellings is what is kept of it. All of it is brought up to date by tell.
type tellings struct {
	upTo  int
	told  relation // what the task of an event had been told before that
	sent  relation // what a store tells
	tasks []told
	spare row
}

// told is what a task has been told.
type told struct {
	known row
	// heard is what its loads have read that are no acquires, and what that told.
	heard     row
	lastHeard int32 // the last such load
	// The last access to memory, and the one before it.
	last, previous int32
}

func (k *tellings) reset() {
	k.upTo = 0
	for i := range k.tasks {
		t := &k.tasks[i]
		clear(t.known)
		clear(t.heard)
		t.lastHeard, t.last, t.previous = -1, -1, -1
	}
}

// widen makes rows wider.
func (k *tellings) widen(g *Graph, old int) {
	for i := range k.tasks {
		k.tasks[i].known = g.wider(k.tasks[i].known)
		k.tasks[i].heard = g.wider(k.tasks[i].heard)
	}
	k.spare = g.wider(k.spare)
	g.rewrite(&k.told, old, k.upTo)
	g.rewrite(&k.sent, old, k.upTo)
}

func (g *Graph) toldTo(t int) *told {
	k := &g.tellings
	for len(k.tasks) <= t {
		k.tasks = append(k.tasks, told{known: make(row, g.width), heard: make(row, g.width), lastHeard: -1, last: -1, previous: -1})
	}
	return &k.tasks[t]
}

// tell takes account of all events of the graph. It is not to be called while there are
// some that may be taken back.
func (g *Graph) tell() {
	k, s := &g.tellings, &g.kinds
	strong := g.model != memory.LKMM
	for ; k.upTo < g.n; k.upTo++ {
		e := k.upTo
		row, sent := k.told.at(e), k.sent.at(e)
		clear(row)
		clear(sent)
		if !s.R.has(e) && !s.W.has(e) {
			continue
		}
		ev := &g.events[e]
		t := g.toldTo(int(ev.task))
		barrier := max(ev.fences.mb, int32(ev.fences.gp))
		if t.lastHeard >= 0 && barrier > t.lastHeard {
			t.known.or(t.heard)
		}
		copy(row, t.known)
		switch {
		case s.plain.has(e):
		case s.R.has(e) && (strong || s.acquire.has(e) || s.pointer.has(e)):
			g.hear(t.known, e)
		case s.R.has(e) && !s.noReturn.has(e): // on which a store need not depend
			if g.hear(t.heard, e) {
				t.lastHeard = int32(e)
			}
		case ev.rmw >= 0:
			r := int(ev.rmw)
			if strong || s.release.has(e) || barrier > t.previous {
				sent.or(k.told.at(r))
				sent.or(g.po.at(r))
				sent.add(e)
			}
			if from := g.events[r].from; from >= 0 {
				sent.or(k.sent.at(int(from)))
			}
		case strong || s.release.has(e) || barrier > t.last:
			sent.or(t.known)
			sent.or(t.heard)
			sent.or(g.po.at(e))
			sent.add(e)
		}
		t.previous, t.last = t.last, int32(e)
	}
}

// hear adds what a marked load has read, and what that tells, and says whether there is
// something.
func (g *Graph) hear(to row, e int) bool {
	from, inside, some := g.rf.at(e), g.inside(e), false
	for w := from.next(0); w >= 0; w = from.next(w + 1) {
		if !inside.has(w) && !g.kinds.plain.has(w) {
			to.or(g.tellings.sent.at(w))
			to.add(w)
			some = true
		}
	}
	return some
}

// knows is what a task has been told before its next event. A marked store comes after
// all loads of its task, for they may be what it depends on.
func (g *Graph) knows(t int, store bool) row {
	g.tell()
	k, own := g.toldTo(t), g.task(t)
	if store || k.lastHeard >= 0 && max(own.fences.mb, int32(own.fences.gp)) > k.lastHeard {
		known := g.tellings.spare
		copy(known, k.known)
		known.or(k.heard)
		return known
	}
	return k.known
}

// untold calls f with the pairs of accesses of a location of which one is plain, one is a
// store, and the second has not been told of the first, until it returns false.
func (g *Graph) untold(f func(a, b Event) bool) {
	g.tell()
	s := &g.kinds
	for _, loc := range g.used {
		events := g.locations[loc].events
		for j, b := range events {
			told, inside := g.tellings.told.at(int(b)), g.inside(int(b))
			for _, a := range events[:j] {
				switch {
				case told.has(int(a)), inside.has(int(a)):
				case !s.plain.has(int(a)) && !s.plain.has(int(b)):
				case !s.W.has(int(a)) && !s.W.has(int(b)):
				case !f(a, b):
					return
				}
			}
		}
	}
}
