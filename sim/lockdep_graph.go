package sim

import (
	mathbits "math/bits"
	"slices"
)

// lockGraph is the order of lock classes: an edge A -> B says that somebody who
// held a lock of A asked for one of B.
//
// A cycle is a possible deadlock only if everyone on it really waits for the next
// one. A recursive reader does not wait for other readers, so a path that comes to
// a class by a recursive reader goes on from it only where the class is held by a
// writer. Documentation/locking/lockdep-design.rst calls such a path strong.
type lockGraph struct {
	classes int
	words   int      // of a set of classes
	after   []uint64 // the sets of what follows, by class and by kind of edge
	edges   []edge   // in the order in which they were learnt, when recording
	lessons []lesson // in which they were learnt, also for the second time

	// The answer of reach, and its list of work.
	seen [2][]uint64
	todo []arrival
}

// dependency says of an edge how the locks at both its ends were taken.
type dependency uint8

const (
	fromShared  dependency = 1 << iota // the first is held by a reader
	toRecursive                        // the second is asked for by a recursive reader
	dependencies
)

func depend(holds, asks taking) dependency {
	var d dependency
	if holds != exclusive {
		d |= fromShared
	}
	if asks == recursive {
		d |= toRecursive
	}
	return d
}

// edge is one dependency, with the place where it was learnt.
type edge struct {
	from, to int16
	how      dependency
	stack    []Frame
}

// lesson is an event in which an edge was learnt.
type lesson struct {
	from, to int16
	how      dependency
	event    int32
}

// arrival is a class with the way in which a path came to it.
type arrival struct {
	class  int16
	reader bool // it came by recursive readers only
}

func (g *lockGraph) reset() {
	clear(g.after)
	g.edges, g.lessons = g.edges[:0], g.lessons[:0]
}

// without forgets what was learnt in some events only.
func (g *lockGraph) without(gone func(event int) bool) {
	clear(g.after)
	for _, l := range g.lessons {
		if l.event < 0 || !gone(int(l.event)) {
			g.row(l.from, l.how)[l.to>>6] |= 1 << (l.to & 63)
		}
	}
}

// grow makes room for n classes.
func (g *lockGraph) grow(n int) {
	words := (n + 63) / 64
	after := make([]uint64, n*int(dependencies)*words)
	for c := range g.classes {
		for d := range dependencies {
			copy(after[(c*int(dependencies)+int(d))*words:], g.row(int16(c), d))
		}
	}
	g.classes, g.words, g.after = n, words, after
	for i := range g.seen {
		g.seen[i] = make([]uint64, words)
	}
	g.todo = make([]arrival, 0, 2*n)
}

// row is the set of classes that follow c by edges of one kind.
func (g *lockGraph) row(c int16, how dependency) []uint64 {
	i := (int(c)*int(dependencies) + int(how)) * g.words
	return g.after[i : i+g.words]
}

// known says whether there is such an edge, or the one that is worse than all.
func (g *lockGraph) known(from, to int16, how dependency) bool {
	return contains(g.row(from, 0), to) || how != 0 && contains(g.row(from, how), to)
}

func contains(set []uint64, c int16) bool { return set[c>>6]&(1<<(c&63)) != 0 }

// reach finds every class that a strong path leads to from where a has arrived:
// in seen[0] those that it comes to in a way that lets it go on by every edge, in
// seen[1] those that it comes to by recursive readers.
func (g *lockGraph) reach(a arrival) {
	clear(g.seen[0])
	clear(g.seen[1])
	g.todo = g.todo[:0]
	g.arrive(a)
	for len(g.todo) > 0 {
		a := g.todo[len(g.todo)-1]
		g.todo = g.todo[:len(g.todo)-1]
		for d := range dependencies {
			if a.reader && d&fromShared != 0 {
				continue
			}
			for w, set := range g.row(a.class, d) {
				for set &^= g.seen[0][w]; set != 0; set &= set - 1 {
					g.arrive(arrival{int16(w<<6 + mathbits.TrailingZeros64(set)), d&toRecursive != 0})
				}
			}
		}
	}
}

func (g *lockGraph) arrive(a arrival) {
	set := g.seen[flag(a.reader)]
	if !contains(set, a.class) {
		set[a.class>>6] |= 1 << (a.class & 63)
		g.todo = append(g.todo, a)
	}
}

// path is a strong path of as few edges as there can be, from where a has arrived
// to a class that it may end in. It is known only when recording.
func (g *lockGraph) path(a arrival, end func(arrival) bool) []edge {
	type way struct {
		to   arrival
		path []edge
	}
	seen := map[arrival]bool{a: true}
	for todo := []way{{to: a}}; len(todo) > 0; todo = todo[1:] {
		w := todo[0]
		if end(w.to) {
			return w.path
		}
		for _, e := range g.edges {
			to := arrival{e.to, e.how&toRecursive != 0}
			if e.from == w.to.class && (!w.to.reader || e.how&fromShared == 0) && !seen[to] {
				seen[to] = true
				todo = append(todo, way{to, append(w.path[:len(w.path):len(w.path)], e)})
			}
		}
	}
	return nil
}

// learnsOrder enters the event in which an edge is learnt.
func (k *K) learnsOrder(h *held, class int16, how taking) {
	if k.m.Forgetful {
		return
	}
	event := int32(len(k.m.events) - 1)
	if k.setup {
		event = -1
	}
	g := &k.m.lockdep.graph
	g.lessons = append(g.lessons, lesson{h.class, class, depend(h.how, how), event})
}

// depends learns that k, which holds h, asks for o. It fails if that closes a
// cycle, or leads from a class that interrupts take to one that they can stop the
// holder of.
func (k *K) depends(h *held, o *Object, class int16, how taking) {
	g := &k.m.lockdep.graph
	if g.closes(h, class, how) {
		k.failOrder(h, o, class, how)
	}
	e := edge{from: h.class, to: class, how: depend(h.how, how)}
	g.row(e.from, e.how)[e.to>>6] |= 1 << (e.to & 63)
	if k.m.recording {
		e.stack = callers()
		g.edges = append(g.edges, e)
	}
	if i := k.inversion(); i.kind != 0 {
		last := e
		k.failInversion(&Violation{asked: o, askedAs: class, holding: *h}, i, &last)
	}
}

// closes says whether it closes a cycle to ask for a class under h.
func (g *lockGraph) closes(h *held, class int16, how taking) bool {
	g.reach(arrival{class, how == recursive})
	return contains(g.seen[0], h.class) || h.how == exclusive && contains(g.seen[1], h.class)
}

// BreaksWithout says whether the last step of the execution, which broke a rule, would
// have done so without some of the steps of other tasks, and those that come after
// them. Of an order of locks that is known: it takes the steps in which the order was learnt. Of
// other rules it may say yes though it is not so. It may be asked when the execution has
// ended, and until the next one.
func (m *Machine) BreaksWithout(gone func(event int) bool) bool {
	v, g := m.outcome.Violation, &m.lockdep.graph
	if v == nil || v.Kind != LockOrder {
		return true
	}
	g.without(gone)
	return slices.ContainsFunc(v.under, func(h held) bool { return h.class != v.askedAs && g.closes(&h, v.askedAs, v.taking) })
}

func (k *K) failOrder(h *held, o *Object, class int16, how taking) {
	d := &k.m.lockdep
	v := &Violation{
		Kind: LockOrder, Subject: d.names[class] + " asked for under " + d.names[h.class],
		asked: o, askedAs: class, taking: how, holding: *h, under: slices.Clone(k.held),
	}
	if k.m.recording {
		v.chain = d.graph.path(arrival{class, how == recursive}, func(a arrival) bool {
			return a.class == h.class && (!a.reader || h.how == exclusive)
		})
	}
	k.Fail(v)
}
