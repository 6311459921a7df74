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
	rounds  int           // how many times the number of stores a rank may be
	seen    []int         // nodes of each tree that have been looked at
}

// known is a value that a location may take. Its rank is the length of the shortest
// chain of stores, each computed from loads of the one before, that ends in it. No
// chain is longer than there are stores, which keeps x = x + 1 finite.
//
// With load buffering, the control dependencies of a plain load may go round in a
// circle, which is a longer chain than that; twice the length covers all but values
// that come out of nowhere.
type known struct {
	value int64
	rank  int
	by    uint64 // the tasks that store it
}

type reader struct {
	task int
	tree *tree
	node *node
}

type expansion struct {
	reader
	value int64
}

func newTable(p Program, rounds int, extra [][]extraFence) *table {
	tb := &table{rounds: rounds, values: make([][]known, p.Locations), readers: make([][]reader, p.Locations), seen: make([]int, len(p.Tasks))}
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
	for _, t := range tb.trees {
		summarise(t.root, !t.partial)
	}
	return tb
}

// fill expands trees until there is nothing new, lowest ranks first.
func (tb *table) fill() {
	tb.look()
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
					tb.value(x.task, x.node.loc, e.new, rank+1)
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
				tb.value(i, n.loc, n.value, n.rank+1)
			case opTryLock, opIsLocked:
				tb.expand(reader{i, t, n}, known{value: 0, rank: n.rank})
				tb.expand(reader{i, t, n}, known{value: 1, rank: n.rank})
			case opLoad, opRMW, opSRCULock:
				r := reader{i, t, n}
				tb.readers[n.loc] = append(tb.readers[n.loc], r)
				tb.expand(r, r.own(tb.values[n.loc][0]))
				for _, k := range tb.values[n.loc] {
					if k.by&^(1<<i) != 0 {
						tb.expand(r, k)
					}
				}
			}
		}
	}
}

// value notes that a task may store a value. The loads of other tasks may read it;
// those of its own task read only what is last on their way.
func (tb *table) value(task, loc int, v int64, rank int) {
	at := slices.IndexFunc(tb.values[loc], func(k known) bool { return k.value == v })
	if at < 0 {
		at = len(tb.values[loc])
		tb.values[loc] = append(tb.values[loc], known{value: v, rank: rank})
	}
	k := &tb.values[loc][at]
	if k.by&(1<<task) != 0 {
		return
	}
	k.by |= 1 << task
	k.rank = min(k.rank, rank)
	for _, r := range tb.readers[loc] {
		if r.task != task {
			tb.expand(r, known{value: v, rank: rank})
		}
	}
}

// own is the value that a load reads if not from another task: that of the last store
// on the way to it, or the first value of the location.
func (r reader) own(first known) known {
	last, path := first, r.node.path
	for n := r.tree.root; n != r.node; {
		if !n.op.branches() {
			if n.loc == r.node.loc && (n.op == opStore || n.op == opSRCUUnlock) {
				last = known{value: n.value, rank: n.rank + 1}
			}
			n = n.next
			continue
		}
		e := n.edge(path[0])
		path = path[1:]
		if e.writes && n.loc == r.node.loc {
			last = known{value: e.new, rank: e.next.rank + 1}
		}
		n = e.next
	}
	return last
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
		sum += mostStores(t.root)
	}
	return sum
}

func mostStores(n *node) int {
	if n == nil {
		return 0
	}
	own, most := 0, mostStores(n.next)
	if n.op == opStore || n.op == opSRCUUnlock {
		own = 1
	}
	for _, e := range n.edges {
		m := mostStores(e.next)
		if e.writes {
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
