package memory

import (
	"fmt"
	"math/bits"
)

// read explores that a task which is to read reads from a store. It reports whether
// it may.
func (x *explorer) read(t, w int) bool {
	n := x.task[t].node
	v, ok := x.outcome(n, w)
	if !ok || !x.mayTake(t, w) {
		return false
	}
	if !x.overwritten(t, n.loc, w) {
		x.readValue(t, w, v)
	}
	return true
}

// overwritten reports whether a task has itself stored to a location after a store,
// in coherence order. It cannot read from that store any more.
func (x *explorer) overwritten(t, loc, w int) bool {
	list := x.co[loc]
	for i := len(list) - 1; i >= 0 && list[i] != w; i-- {
		if x.tasks[t].has(list[i]) {
			return true
		}
	}
	return false
}

// outcome is what the task gets to know if it reads from a store, and whether it can.
func (x *explorer) outcome(n *node, w int) (int64, bool) {
	free := w == initial || x.ul.has(w)
	switch n.op {
	case opLock:
		return 0, free && x.last(n.loc) == w
	case opTryLock:
		if free {
			return 1, x.last(n.loc) == w
		}
		return 0, true
	case opIsLocked:
		if free {
			return 0, true
		}
		return 1, true
	}
	return x.value(w, n.loc), true
}

// readValue explores that a task reads a value from a store, which need not be there
// yet.
func (x *explorer) readValue(t, w int, v int64) {
	old, sets, offers := x.task[t], x.sets, len(x.offers)
	n := old.node
	e := edge{writes: true, r: n.fences, w: n.fences, next: n.next} // a lock
	if n.op.branches() {
		e = x.edge(t, n, v)
	}
	r := old.end
	size := 1
	if e.writes {
		size = 2
	}
	if r+size > x.limit(t) {
		x.err = fmt.Errorf("task %d: more events than there is room for", t)
		return
	}
	x.task[t] = taskState{node: e.next, end: r + size, held: old.held}
	if e.writes && n.op != opRMW {
		x.task[t].held |= one(r + 1)
	}
	x.addLoad(t, r, n, &e, w)
	x.event[r].value = v
	places := []int{0}
	if e.writes {
		places = x.placesAfter(n.loc, w)
	}
	if !x.promise.isAt(r) {
		for _, place := range places {
			x.finishRead(t, r, n, &e, place)
			if x.err != nil {
				break
			}
		}
	}
	x.forget(r)
	x.sets, x.task[t], x.offers = sets, old, x.offers[:offers]
}

// finishRead adds the store of a read-modify-write or a lock, if there is one, and
// goes on.
func (x *explorer) finishRead(t, r int, n *node, e *edge, place int) {
	if !e.writes {
		if x.allowed(n.loc) {
			x.step()
		}
		return
	}
	sets, offers := x.sets, len(x.offers)
	w := r + 1
	x.addStoreOf(t, w, n, e)
	x.event[w].rmw = r
	x.place(w, place)
	x.forget(w)
	x.sets, x.offers = sets, x.offers[:offers]
}

// place puts a store that was added at a place in the coherence order, and goes on if
// that is consistent.
func (x *explorer) place(w, place int) {
	loc := x.event[w].loc
	kept, fresh := x.promise.keep(x, w), x.fresh
	x.insert(w, place)
	if kept && x.allowed(loc) {
		x.offers = append(x.offers, w)
		x.step()
	}
	x.remove(w)
	x.fresh = fresh
	if kept {
		x.promise.unkeep(w)
	}
}

// placesAfter are the places in coherence order for a store that must be next to
// another one. That one need not be there yet.
func (x *explorer) placesAfter(loc, w int) []int {
	if w == initial {
		return []int{0}
	}
	places := make([]int, 0, 1)
	for i, s := range x.co[loc] {
		if s == w {
			return append(places, i+1)
		}
	}
	for i := range len(x.co[loc]) + 1 {
		places = append(places, i)
	}
	return places
}

// perform explores an operation that does not read.
func (x *explorer) perform(t int) {
	old, sets, offers := x.task[t], x.sets, len(x.offers)
	n, e := old.node, old.end
	if e+1 > x.limit(t) {
		x.err = fmt.Errorf("task %d: more events than there is room for", t)
		return
	}
	x.task[t] = taskState{node: n.next, end: e + 1, held: old.held}
	x.addOther(t, e, n)
	switch {
	case !x.W.has(e):
		if !x.promise.isAt(e) {
			x.step()
		}
	case n.op == opUnlock:
		held := x.last(n.loc)
		if held == initial || !x.lockW.has(held) || x.event[held].task != t {
			x.err = fmt.Errorf("task %d: unlocks a lock that it does not hold", t)
			break
		}
		x.task[t].held &^= one(held)
		x.place(e, len(x.co[n.loc]))
	default:
		for i := len(x.co[n.loc]); i >= 0 && x.err == nil; i-- {
			x.place(e, i)
			x.offers = x.offers[:offers]
		}
	}
	x.forget(e)
	x.sets, x.task[t], x.offers = sets, old, x.offers[:offers]
}

// addLoad adds the event that reads.
func (x *explorer) addLoad(t, r int, n *node, e *edge, w int) {
	own := one(r)
	x.R |= own
	x.fresh |= own
	switch n.op {
	case opLoad:
		switch n.access {
		case Plain:
			x.plain |= own
		case Acquire:
			x.acquire |= own
		}
	case opRMW:
		x.locked |= own
		switch {
		case n.order == AcquireRMW && e.writes:
			x.acquire |= own
		case n.order == Void:
			x.noReturn |= own
		}
	case opLock, opTryLock:
		if e.writes {
			x.locked |= own
			x.lockR |= own
			x.acquire |= own
		}
	case opSRCULock:
		x.srcuLock |= own
	}
	x.add(r, t, n, e.r, w)
	x.depend(r, t, n.addr, 0, n.ctrl)
}

// addStoreOf adds the store of a read-modify-write or a lock.
func (x *explorer) addStoreOf(t, w int, n *node, e *edge) {
	own := one(w)
	x.W |= own
	x.fresh |= own
	x.locked |= own
	if n.op == opRMW {
		if n.order == ReleaseRMW {
			x.release |= own
		}
	} else {
		x.lockW |= own
	}
	x.add(w, t, n, e.w, nothing).value = e.new
	x.depend(w, t, n.addr, e.data, n.ctrl)
}

// addOther adds the event of an operation that does not read.
func (x *explorer) addOther(t, e int, n *node) {
	own := one(e)
	x.fresh |= own
	switch n.op {
	case opStore:
		x.W |= own
		switch n.access {
		case Plain:
			x.plain |= own
		case Release:
			x.release |= own
		}
	case opUnlock:
		x.W |= own
		x.ul |= own
		x.release |= own
	case opSRCUUnlock:
		x.W |= own
		x.srcuUnl |= own
	case opSyncRCU:
		x.sync |= own
	case opSyncSRCU:
		x.sync |= own
		x.syncSRCU |= own
	}
	x.add(e, t, n, n.fences, nothing).value = n.value
	x.depend(e, t, n.addr, n.data, n.ctrl)
	switch {
	case n.op == opRCUUnlock && n.partner >= 0:
		x.closeSection(x.base[t]+n.partner, e, false)
	case n.op == opSRCUUnlock:
		x.closeSRCU(e)
	}
}

// allowed checks the graph after a change at a location.
func (x *explorer) allowed(loc int) bool {
	x.cover.Steps++
	return x.coherent(loc) && x.consistent()
}

// consistent checks the axioms of the model, but for coherence.
func (x *explorer) consistent() bool {
	fresh := x.fresh
	x.fresh = 0
	switch x.model {
	case SC:
		return x.consistentSC(fresh, &x.x)
	case TSO:
		return x.consistentTSO(fresh, &x.x)
	default:
		return x.consistentLKMM(&x.x)
	}
}

// limit is the number of the first event that a task has no room for.
func (x *explorer) limit(t int) int {
	return bits.Len64(uint64(x.tasks[t]))
}

// edge returns the edge of a node for a value, and lets the task run there if it never
// has.
func (x *explorer) edge(t int, n *node, v int64) edge {
	e := n.edge(v)
	if e == nil {
		x.table.trees[t].run(append(n.path[:len(n.path):len(n.path)], v), 0)
		e = n.edge(v)
		for next := e.next; next != nil; next = next.next {
			next.stores, next.unlocks = ^uint64(0), ^uint64(0)
		}
	}
	return *e
}
