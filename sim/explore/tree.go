package explore

import (
	"sync"

	"trapline/sim"
)

// step is a step of a task with what it uses. A task has several only when it
// chooses a value.
type step struct {
	task   sim.TaskID
	uses   footprint
	choice int16
	picks  bool // it chooses a value, choice
	fatal  bool // it broke a rule
	// guess says that the step may use less: the uses are all that it was seen to
	// use in other places, and its kind is known to vary. If it is wild as well, it
	// may use anything.
	guess, wild bool
	// foreign says of a step that is asleep that it was so where the work was
	// divided, see pool.
	foreign bool
}

func (s *step) is(t sim.TaskID, choice int16) bool { return s.task == t && s.choice == choice }

// node is one state of the program on the way of an execution: the place before
// a step. Several workers may be below one node.
type node struct {
	mu     sync.Mutex
	parent *node
	slot   int // of the step in parent.asleep that leads here
	depth  int
	// asleep are the steps after which everything has been visited, or is
	// being visited. The first came from the parent; the others were taken here,
	// in this order, and one that has been taken stays where it is.
	asleep []step
	// tree holds the sequences that are still to be visited from here.
	tree *wakeup
	// opening says that the last step that was taken here has not been seen to
	// its end, so that it is not certain what it uses.
	opening bool
	// shared says that others than the worker that made it may know the node.
	shared bool
	// offered says that the node is on the list of the pool.
	offered bool
}

// wakeup is a node of a wakeup tree: a step, and what is to be visited after it,
// before what comes next beside it.
type wakeup struct {
	step
	sign        uint64 // of a step in another place, see exact
	child, next *wakeup
}

// insert puts a sequence into the wakeup tree of a place, unless what it would
// lead to has been visited from there or is going to be. It uses up v. The last step has
// the given signature.
func (d *worker) insert(n *node, v []step, sign uint64) {
	if n.depth < d.crew.division.depth {
		return // everything is visited from there
	}
	d.lock(n)
	defer d.unlock(n)
	for i := range n.asleep {
		s := &n.asleep[i]
		if at, ok := d.initial(s, v); ok && (at >= 0 || !s.foreign) {
			return
		}
	}
	// A step of which it is not certain that the ones before it in the tree are not
	// independent of it may come to stand behind one that is. While those are
	// asleep, not all that can follow it is visited: only what is in the tree.
	doubt := false
	level := &n.tree
descend:
	for len(v) > 0 {
		w := *level
		for ; w != nil; level, w = &w.next, w.next {
			i, ok := d.initial(&w.step, v)
			if !ok {
				continue
			}
			if i >= 0 {
				copy(v[i:], v[i+1:])
				v = v[:len(v)-1]
			}
			doubt = doubt || w.guess || w.fatal
			if w.child == nil && !doubt && !anyPicks(v) {
				return // whatever comes after w will be visited
			}
			// That does not hold for every value of a choice: those that are
			// not called for may be left out where others are asleep.
			level = &w.child
			continue descend
		}
		for i, s := range v {
			*level = d.newWakeup(s)
			if i == len(v)-1 {
				(*level).sign = sign
			}
			level = &(*level).child
		}
		return
	}
}

func anyPicks(v []step) bool {
	for i := range v {
		if v[i].picks {
			return true
		}
	}
	return false
}

// covered says whether all that a branch of the tree leads to has been visited from
// the place, and cuts off what has been. What the steps use that were taken there is
// known by now, and may have been more than that when the branch was put in.
func (d *worker) covered(n *node, w *wakeup) bool {
	if n.depth < d.crew.division.depth || !d.order.variations.unsure.Load() {
		return false // everything is visited from there, or was known when it was put in
	}
	for i := range n.asleep {
		if d.leads(&n.asleep[i], w) {
			return true
		}
	}
	return false
}

// leads says whether s can come first in all that a branch leads to, and cuts off what
// it can come first in.
func (d *worker) leads(s *step, w *wakeup) bool {
	if w.task == s.task {
		return w.choice == s.choice
	}
	o, known := d.order.variations.exact.of(w.sign)
	if !known {
		o = outcome{uses: w.uses, fatal: w.fatal || w.wild}
	}
	if s.fatal || o.fatal || d.feet.conflict(s.uses, o.uses) {
		return false
	}
	if w.child == nil {
		return !s.foreign
	}
	for level := &w.child; *level != nil; {
		if d.leads(s, *level) {
			*level = (*level).next
		} else {
			level = &(*level).next
		}
	}
	return w.child == nil
}

// initial says whether s can be the first step of an execution that is
// equivalent to v and what follows it: s stands in v and nothing before it
// depends on it, or it depends on nothing in v. It returns the place of s in v,
// or -1. A step that breaks a rule ends the execution, so all others depend on
// it; so they may on one that may use anything.
func (d *worker) initial(s *step, v []step) (int, bool) {
	for i := range v {
		if v[i].task == s.task {
			return i, v[i].choice == s.choice
		}
		if s.fatal || s.wild || v[i].fatal || v[i].wild || d.feet.conflict(s.uses, v[i].uses) {
			return 0, false
		}
	}
	return -1, true
}

// depends says whether the order of two steps matters.
func (d *worker) depends(s, t *step) bool {
	return s.task == t.task || d.feet.conflict(s.uses, t.uses)
}

func (d *worker) newWakeup(s step) *wakeup {
	w := d.freeWakeups
	if w == nil {
		return &wakeup{step: s}
	}
	d.freeWakeups = w.next
	*w = wakeup{step: s}
	return w
}

func (d *worker) newNode() *node {
	if n := len(d.freeNodes); n > 0 {
		x := d.freeNodes[n-1]
		d.freeNodes = d.freeNodes[:n-1]
		return x
	}
	return &node{}
}

// release gives a node back that the search has done with, unless another worker
// may know it.
func (d *worker) release(n *node) {
	if !n.shared {
		n.parent, n.tree, n.asleep, n.opening = nil, nil, n.asleep[:0], false
		d.freeNodes = append(d.freeNodes, n)
	}
}
