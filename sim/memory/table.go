package memory

import "slices"

// maxNodes bounds the tree of a task that is drawn up before exploration. Beyond it
// the tree grows as it is needed, and nothing is known of what the task may store.
const maxNodes = 20000

// table is drawn up before exploration: the tree of each task for all values that
// its loads might return, whatever the order of events. A value that no task can
// ever have stored is not considered, so the table tells which locations a task may
// still store to from each node on, and that a load need not wait for more stores.
type table struct {
	trees   []*tree
	values  [][]known // by location
	readers [][]reader
	todo    [][]expansion // by rank
	changed bool          // since it was last asked
	most    []int         // stores of an execution to each location, at most
	rounds  int           // how many times the number of stores a rank may be
	seen    []int         // nodes of each tree that have been looked at
	guessed []bool        // locations that may have values of Program.Guesses
}

// known is a value that a location may take. Its rank is the length of the shortest
// chain of stores, each computed from loads of the one before, that ends in it. No
// chain is longer than there are stores, which keeps x = x + 1 finite.
//
// With load buffering, the control dependencies of a plain load may go round in a
// circle, which is a longer chain than that; twice the length covers all but values
// that come out of nowhere.
//
// Its length of own is how many stores to this very location the chain has at its
// end, as far as the dependencies tell; there are at most as many as there are
// stores to the location. This tells much when there are many counters.
type known struct {
	value int64
	rank  int
	own   int
}

type reader struct {
	tree *tree
	node *node
}

type expansion struct {
	reader
	value int64
}

func newTable(p Program, rounds int, extra [][]extraFence) *table {
	tb := &table{rounds: rounds, most: make([]int, p.Locations), values: make([][]known, p.Locations), readers: make([][]reader, p.Locations), seen: make([]int, len(p.Tasks)), guessed: make([]bool, p.Locations)}
	for loc := range p.Locations {
		tb.values[loc] = []known{{value: p.Init[loc]}}
	}
	for i, task := range p.Tasks {
		t := &tree{task: task, locations: p.Locations}
		if extra != nil {
			t.extra = extra[i]
		}
		t.run(nil, 0)
		tb.trees = append(tb.trees, t)
	}
	tb.fill()
	if rounds > 1 && len(p.Guesses) > 0 {
		tb.guess(p.Guesses)
		tb.fill()
	}
	for _, t := range tb.trees {
		summarise(t.root, !t.partial)
	}
	return tb
}

// fill expands trees until there is nothing new.
func (tb *table) fill() {
	tb.bound()
	tb.look()
	for again := true; again; again = tb.again() {
		tb.round()
	}
}

// again looks at all stores once more, for a value whose chain turned out to be
// shorter may now count. It reports whether there was something new.
func (tb *table) again() bool {
	tb.changed = false
	tb.bound()
	for _, t := range tb.trees {
		for _, n := range t.nodes {
			if n.op == opStore || n.op == opSRCUUnlock {
				tb.value(n.loc, n.value, n.rank+1, n.from)
			}
			for i := range n.edges {
				if e := &n.edges[i]; e.writes && n.op == opRMW {
					tb.value(n.loc, e.new, e.rank+1, e.from)
				}
			}
		}
	}
	return tb.changed
}

// round expands trees, lowest ranks first.
func (tb *table) round() {
	for rank := 0; rank < len(tb.todo); rank++ {
		if rank > tb.rounds*tb.longest() {
			return
		}
		for i := 0; i < len(tb.todo[rank]); i++ {
			x := tb.todo[rank][i]
			if x.node.edge(x.value) == nil {
				if len(x.tree.nodes) > maxNodes {
					x.tree.partial = true
					continue
				}
				x.tree.run(append(slices.Clip(x.node.path), x.value), rank)
				if e := x.node.edge(x.value); e != nil && e.writes && x.node.op == opRMW {
					e.rank = rank
					tb.value(x.node.loc, e.new, rank+1, e.from)
				}
				tb.look()
			}
		}
	}
}

// look takes account of the nodes that are new.
func (tb *table) look() {
	for i, t := range tb.trees {
		for ; tb.seen[i] < len(t.nodes); tb.seen[i]++ {
			switch n := t.nodes[tb.seen[i]]; n.op {
			case opStore, opSRCUUnlock:
				tb.value(n.loc, n.value, n.rank+1, n.from)
			case opTryLock, opIsLocked:
				tb.expand(reader{t, n}, known{value: 0, rank: n.rank})
				tb.expand(reader{t, n}, known{value: 1, rank: n.rank})
			case opLoad, opRMW, opSRCULock:
				tb.readers[n.loc] = append(tb.readers[n.loc], reader{t, n})
				for _, v := range tb.values[n.loc] {
					tb.expand(reader{t, n}, v)
				}
			}
		}
	}
}

// value notes that a location may take a value.
func (tb *table) value(loc int, v int64, rank int, from []origin) {
	own := tb.own(loc, from)
	if own > 1 && own > tb.most[loc] {
		return
	}
	for i := range tb.values[loc] {
		if k := &tb.values[loc][i]; k.value == v {
			if own < k.own {
				k.own, tb.changed = own, true
			}
			return
		}
	}
	k := known{v, rank, own}
	tb.values[loc] = append(tb.values[loc], k)
	tb.changed = true
	for _, r := range tb.readers[loc] {
		tb.expand(r, k)
	}
}

// own is the length of own of a value that was computed from some loads.
func (tb *table) own(loc int, from []origin) int {
	longest := 0
	for _, o := range from {
		if o.loc != loc {
			return 1
		}
		for _, k := range tb.values[loc] {
			if k.value == o.value {
				longest = max(longest, k.own)
			}
		}
	}
	return longest + 1
}

// bound works out how many stores there are to each location. Until it is called again
// it may be too few, which again puts right.
func (tb *table) bound() {
	for loc := range tb.most {
		tb.most[loc] = 0
		for _, t := range tb.trees {
			tb.most[loc] += mostStores(t.root, func(n *node) bool { return n.loc == loc })
		}
	}
}

func (tb *table) expand(r reader, k known) {
	rank := max(r.node.rank, k.rank)
	for len(tb.todo) <= rank {
		tb.todo = append(tb.todo, nil)
	}
	tb.todo[rank] = append(tb.todo[rank], expansion{r, k.value})
}

// longest is the number of stores of an execution, at most.
func (tb *table) longest() int {
	sum := 0
	for _, t := range tb.trees {
		sum += mostStores(t.root, func(*node) bool { return true })
	}
	return sum
}

func mostStores(n *node, counts func(*node) bool) int {
	if n == nil {
		return 0
	}
	own, most := 0, mostStores(n.next, counts)
	if (n.op == opStore || n.op == opSRCUUnlock) && counts(n) {
		own = 1
	}
	for _, e := range n.edges {
		m := mostStores(e.next, counts)
		if e.writes && counts(n) {
			m++
		}
		most = max(most, m)
	}
	return own + most
}

// summarise works out what a task may still do from each node on.
func summarise(n *node, complete bool) {
	if n == nil {
		return
	}
	add := func(next *node) {
		if next != nil {
			summarise(next, complete)
			n.stores |= next.stores
			n.unlocks |= next.unlocks
		}
	}
	add(n.next)
	for _, e := range n.edges {
		add(e.next)
		if e.writes {
			n.stores |= 1 << n.loc
		}
	}
	switch n.op {
	case opStore, opSRCUUnlock, opLock:
		n.stores |= 1 << n.loc
	case opUnlock:
		n.stores |= 1 << n.loc
		n.unlocks |= 1 << n.loc
	}
	if !complete {
		n.stores, n.unlocks = ^uint64(0), ^uint64(0)
	}
}

// depth is the number of events of the longest path from a node on.
func depth(n *node) int {
	if n == nil {
		return 0
	}
	d := depth(n.next)
	for _, e := range n.edges {
		size := 1
		if e.writes {
			size = 2
		}
		d = max(d, depth(e.next)+size)
	}
	switch {
	case n.op.branches() || n.op == opEnd || n.op == opError:
		return d
	case n.op == opLock:
		return d + 2
	}
	return d + 1
}
