package memory

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// walk is one way through the tree of a task.
type walk []pace

type pace struct {
	node *node
	edge *edge
}

func walks(n *node) []walk {
	if n.op == opEnd {
		return []walk{nil}
	}
	var all []walk
	extend := func(next *node, e *edge) {
		for _, rest := range walks(next) {
			all = append(all, append(walk{{n, e}}, rest...))
		}
	}
	if n.op.branches() {
		for i := range n.edges {
			extend(n.edges[i].next, &n.edges[i])
		}
		return all
	}
	if n.op == opLock {
		extend(n.next, &edge{writes: true, r: n.fences, w: n.fences})
		return all
	}
	extend(n.next, nil)
	return all
}

// brute finds all consistent graphs by trying every rf and co with every path of every
// task, without building them step by step.
type brute struct {
	*explorer
	walks [][]walk
	taken []walk
	found map[string]bool
}

func bruteForce(p Program, o Options) (map[string]bool, bool) {
	x, err := newExplorer(p, o, nil)
	if err != nil {
		panic(err)
	}
	b := &brute{explorer: x, found: map[string]bool{}, taken: make([]walk, len(p.Tasks))}
	size := 1
	for _, t := range x.table.trees {
		b.walks = append(b.walks, walks(t.root))
		size *= len(b.walks[len(b.walks)-1])
	}
	if size > 2000 {
		return nil, false
	}
	b.choose(0)
	return b.found, true
}

func (b *brute) choose(t int) {
	if t == len(b.taken) {
		b.sources(nil)
		return
	}
	for _, w := range b.walks[t] {
		b.taken[t] = w
		b.choose(t + 1)
	}
}

// each calls f for each event of the walks taken.
func (b *brute) each(f func(t, e int, p pace, store bool)) {
	for t, w := range b.taken {
		e := b.base[t]
		for _, p := range w {
			reads := p.node.op.reads()
			f(t, e, p, !reads)
			e++
			if reads && p.edge.writes {
				f(t, e, p, true)
				e++
			}
		}
	}
}

// sources extends a choice of rf, one for each load in order.
func (b *brute) sources(rf []int) {
	n, open := 0, -1
	var loc int
	var value int64
	var locks bool
	b.each(func(_, e int, p pace, store bool) {
		if !store {
			if n == len(rf) {
				open, loc, value, locks = e, p.node.loc, p.edge.value, p.node.op == opLock
			}
			n++
		}
	})
	if open < 0 {
		b.graph(rf)
		return
	}
	rf = slices.Clip(rf)
	if b.first[loc] == value {
		b.sources(append(rf, initial))
	}
	b.each(func(_, e int, p pace, store bool) {
		switch {
		case !store || p.node.loc != loc:
		case locks:
			if p.node.op == opUnlock {
				b.sources(append(rf, e))
			}
		case p.edge != nil && p.edge.new == value, p.edge == nil && p.node.op == opStore && p.node.value == value:
			b.sources(append(rf, e))
		}
	})
}

func (b *brute) graph(rf []int) {
	b.sets = sets{}
	b.readers = [maxEvents]set{}
	clear(b.initials)
	b.addAll(rf)
	b.sections = 0
	b.orderings(b.addAll(rf), 0) // with rf known from the beginning
}

// addAll adds all events, and returns the stores by location.
func (b *brute) addAll(rf []int) [][]int {
	stores := make([][]int, len(b.co))
	n := 0
	var last int
	b.each(func(t, e int, p pace, store bool) {
		switch {
		case !store:
			b.addLoad(t, e, p.node, p.edge, rf[n])
			b.event[e].value = p.edge.value
			last = e
			n++
		case p.edge != nil:
			b.addStoreOf(t, e, p.node, p.edge)
			b.event[e].rmw = last
		default:
			b.addOther(t, e, p.node)
		}
		if b.W.has(e) {
			stores[p.node.loc] = append(stores[p.node.loc], e)
		}
	})
	return stores
}

// orderings tries every co.
func (b *brute) orderings(stores [][]int, loc int) {
	if loc == len(stores) {
		if b.valid() {
			b.found[b.fingerprint()] = true
		}
		return
	}
	permute(stores[loc], 0, func() {
		b.co[loc] = stores[loc]
		if b.coherent(loc) {
			b.orderings(stores, loc+1)
		}
	})
}

func (b *brute) valid() bool {
	for m := b.ul; m != 0; { // an unlock comes next to its lock
		u := m.take()
		list := b.co[b.event[u].loc]
		i := slices.Index(list, u)
		if i == 0 || !b.lockW.has(list[i-1]) || b.event[list[i-1]].task != b.event[u].task {
			return false
		}
	}
	if !b.options.LoadBuffering {
		var r relation
		for m := b.all; m != 0; {
			e := m.take()
			r[e] = b.po[e] | b.rf[e]
		}
		if !r.closure(b.all) {
			return false
		}
	}
	b.fresh = b.all
	if !b.consistent() {
		return false
	}
	sound, _ := b.circles(&b.x)
	return sound || b.model != LKMM
}

func permute(list []int, n int, f func()) {
	if n >= len(list) {
		f()
		return
	}
	for i := n; i < len(list); i++ {
		list[n], list[i] = list[i], list[n]
		permute(list, n+1, f)
		list[n], list[i] = list[i], list[n]
	}
}

// TestExplorerFindsAllGraphs compares the graphs that are explored with all that are
// consistent.
func TestExplorerFindsAllGraphs(t *testing.T) {
	law(t, func(t *rapid.T) {
		d := draw(t, rapid.SampledFrom([][]string{words, sections, locking}).Draw(t, "verbs"), rapid.IntRange(2, 3).Draw(t, "tasks"), rapid.IntRange(1, 3).Draw(t, "longest"))
		if !d.sound() {
			t.Skip()
		}
		p := d.program(-1, 0)
		for _, o := range []Options{{Model: SC}, {Model: TSO}, {Model: LKMM}, {Model: LKMM, LoadBuffering: true}} {
			found := map[string]bool{}
			if _, err := Explore(p, o, func(s *State) { found[s.graph.fingerprint()] = true }); err != nil {
				t.Fatal(err)
			}
			want, ok := bruteForce(p, o)
			if !ok {
				continue
			}
			for g := range want {
				if !found[g] {
					t.Fatalf("%v: %+v: not explored: %s", d, o, g)
				}
			}
			if len(found) != len(want) {
				t.Fatalf("%v: %+v: %d graphs, want %d", d, o, len(found), len(want))
			}
		}
	})
}
