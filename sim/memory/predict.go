package memory

import "slices"

// prediction is a store that a task may still do.
type prediction struct {
	place int // of its event in the task
	value int64
	by    []storeShape // the nodes and edges that would do it
}

// storeShape is what is known of a store before it is done.
type storeShape struct {
	node   *node
	fences fences
	deps   uint64
	plain  bool
	first  int // place of its event
}

// shape is the storeShape of a store in the graph.
func (g *graph) shape(w int) storeShape {
	ev := &g.event[w]
	return storeShape{ev.node, ev.fences, ev.deps, g.plain.has(w), w - g.base[ev.task]}
}

// ordered reports whether a store is sure to come after a load of its task in
// happens-before, by what lies between them in the task. If it is, a load elsewhere
// that reads from the store cannot be what the first load waits for.
func ordered(load *node, s storeShape) bool {
	if s.plain || load.op == opLoad && load.access == Plain {
		return false
	}
	release := s.node.op == opStore && s.node.access == Release || s.node.op == opUnlock ||
		s.node.op == opRMW && s.node.order == ReleaseRMW
	acquire := load.op == opLock || load.op == opLoad && load.access == Acquire
	return release || acquire || s.node.loc == load.loc || // then fr leads there
		int(s.fences.mb) > load.first || int(s.fences.gp) > load.first ||
		s.deps>>load.first&1 != 0
}

// later says that when all tasks waited, the load of this one was passed over: its
// store will be ordered after the load for which the store's task waited then. So
// each graph is still reached in one way only.
type later struct {
	waiting []*node // by task
	rest    *later
}

// mayTake reports whether a task that was passed over may read from a store.
func (x *explorer) mayTake(t, w int) bool {
	for l := x.task[t].later; l != nil; l = l.rest {
		if w < 0 {
			return false
		}
		if load := l.waiting[x.event[w].task]; load == nil || !ordered(load, x.shape(w)) {
			return false
		}
	}
	return true
}

// condition is what a predicted store must be when it is done: ordered after a load of
// its task, or not.
type condition struct {
	load *node
	want bool
}

// promises are the predicted stores.
type promises struct {
	at   [maxEvents]promised
	some int // how many have not been done
}

type promised struct {
	loads      int // how many read from it
	loc        int
	value      int64
	conditions []condition
}

// open reports whether a predicted store has not been done.
func (p *promises) open() bool { return p.some > 0 }

// isAt reports whether an event was predicted to be a store.
func (p *promises) isAt(e int) bool { return p.at[e].loads > 0 }

// keep reports whether a store is as predicted, if it was, and notes that it was done.
func (p *promises) keep(x *explorer, w int) bool {
	a := &p.at[w]
	if a.loads == 0 {
		return true
	}
	ev := &x.event[w]
	if a.loc != ev.loc || a.value != ev.value {
		return false
	}
	for _, c := range a.conditions {
		if ordered(c.load, x.shape(w)) != c.want {
			return false
		}
	}
	p.some--
	return true
}

// unkeep takes keep back.
func (p *promises) unkeep(w int) {
	if p.at[w].loads > 0 {
		p.some++
	}
}

// predict goes on when all tasks wait: the first load whose store is not ordered after
// what its task waits for reads from a store that its task is bound to do later.
func (x *explorer) predict() {
	x.cover.Blocked++ // unless something comes of it
	before := x.cover.Executions
	old := slices.Clone(x.task)
	for t := range x.task {
		if n := x.task[t].node; n.op == opLoad || n.op == opRMW || n.op == opSRCULock {
			skip := false
			for u := range x.task {
				if u != t && x.task[u].node.op != opEnd && !x.waitsFor(u, t) {
					skip = x.predictFrom(t, u) || skip
				}
			}
			if !skip || x.err != nil {
				break
			}
			x.task[t].later = &later{x.waiting(), x.task[t].later}
		}
	}
	copy(x.task, old)
	if x.cover.Executions > before {
		x.cover.Blocked--
	}
}

// waitsFor reports whether one task waits for a lock that the other holds. All that it
// does then comes after what the other does before it unlocks, plain or not.
func (x *explorer) waitsFor(u, t int) bool {
	n := x.task[u].node
	if n.op != opLock {
		return false
	}
	held := x.last(n.loc)
	return held != initial && x.lockW.has(held) && x.event[held].task == t
}

func (x *explorer) waiting() []*node {
	nodes := make([]*node, len(x.task))
	for t, ts := range x.task {
		if ts.node.op != opEnd {
			nodes[t] = ts.node
		}
	}
	return nodes
}

// predictFrom lets a task read from stores that another one may do later. It reports
// whether there are such that are ordered after what the other one waits for.
func (x *explorer) predictFrom(t, u int) (skip bool) {
	load, own := x.task[u].node, x.task[t].node
	plain := own.op == opLoad && own.access == Plain // not in happens-before
	for _, c := range predictions(load, own.loc) {
		free := plain
		for _, s := range c.by {
			if ordered(load, s) {
				skip = skip || !plain
			} else {
				free = true
			}
		}
		if free && x.err == nil {
			x.predictStore(t, u, c, plain)
		}
	}
	return skip
}

func (x *explorer) predictStore(t, u int, c prediction, plain bool) {
	w := x.base[u] + c.place
	a := &x.promise.at[w]
	loc := x.task[t].node.loc
	if a.loads > 0 && (a.loc != loc || a.value != c.value) {
		return
	}
	old := *a
	a.loads++
	a.loc, a.value = loc, c.value
	a.conditions = slices.Clip(a.conditions)
	if !plain {
		a.conditions = append(a.conditions, condition{x.task[u].node, false})
	}
	for l := x.task[t].later; l != nil; l = l.rest {
		if l.waiting[u] == nil {
			*a = old
			return
		}
		a.conditions = append(a.conditions, condition{l.waiting[u], true})
	}
	if old.loads == 0 {
		x.promise.some++
	}
	x.readValue(t, w, c.value)
	if old.loads == 0 {
		x.promise.some--
	}
	*a = old
}

// predictions lists the stores to a location that a task may still do from a node on.
func predictions(n *node, loc int) []prediction {
	if n == nil {
		return nil
	}
	if list, ok := n.stored[loc]; ok {
		return list
	}
	var list []prediction
	add := func(more ...prediction) {
		for _, c := range more {
			i := slices.IndexFunc(list, func(o prediction) bool { return o.place == c.place && o.value == c.value })
			if i < 0 {
				list = append(list, prediction{c.place, c.value, slices.Clone(c.by)})
				continue
			}
			list[i].by = append(list[i].by, c.by...)
		}
	}
	own := func(place int, value int64, f fences, deps uint64) {
		add(prediction{place, value, []storeShape{{n, f, deps, n.op == opStore && n.access == Plain, place}}})
	}
	if n.loc == loc && (n.op == opStore || n.op == opSRCUUnlock) {
		own(n.first, n.value, n.fences, n.addr|n.data|n.ctrl)
	}
	add(predictions(n.next, loc)...)
	for _, e := range n.edges {
		if n.op == opRMW && n.loc == loc && e.writes {
			own(n.first+1, e.new, e.w, n.addr|e.data|n.ctrl)
		}
		add(predictions(e.next, loc)...)
	}
	if n.stored == nil {
		n.stored = map[int][]prediction{}
	}
	n.stored[loc] = list
	return list
}
