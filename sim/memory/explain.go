package memory

import (
	"fmt"
	"strings"
)

// Explain finds an execution whose end satisfies bad, and says of it which store each
// load read and why a newer one was not visible, and which barriers would have
// forbidden that any execution ends so. It returns "" if there is no such execution.
func Explain(p Program, o Options, bad func(*State) bool) (string, error) {
	o.MaxExecutions = 0
	e := &explanation{program: p, options: o, bad: bad}
	found, err := e.happens(nil, func(s *State) {
		e.places = s.graph.places()
		e.execution(s.graph)
	})
	if err != nil || !found {
		return "", err
	}
	err = e.cure()
	return e.out.String(), err
}

// explanation is the making of one.
type explanation struct {
	program Program
	options Options
	bad     func(*State) bool
	places  []place
	out     strings.Builder
}

// place is a place between two operations of a task, where a barrier may stand.
type place struct {
	task          int
	before, after *node
}

// happens explores the program with more barriers until an execution ends badly.
func (e *explanation) happens(extra [][]extraFence, then func(*State)) (bool, error) {
	x, err := newExplorer(e.program, e.options, extra)
	if err != nil {
		return false, err
	}
	found := false
	x.report = func(s *State) {
		if !found && e.bad(s) {
			found = true
			then(s)
			x.err = errEnough
		}
	}
	x.step()
	if found {
		return true, nil
	}
	return false, x.err
}

// execution writes what the tasks did.
func (e *explanation) execution(g *graph) {
	for t, range_ := range g.tasks {
		for m := range_ & g.all; m != 0; {
			n := m.take()
			if g.event[n].rmw >= 0 {
				continue // the line of its load has it
			}
			fmt.Fprintf(&e.out, "task %d: %s", t, e.describe(g.event[n].node))
			if g.R.has(n) {
				e.source(g, n)
			}
			e.out.WriteByte('\n')
		}
	}
}

// source writes where a load had its value from, and why not from a newer store.
func (e *explanation) source(g *graph, r int) {
	ev := &g.event[r]
	switch value := ev.node.op == opLoad || ev.node.op == opRMW; {
	case value && ev.from == initial:
		fmt.Fprintf(&e.out, " reads %s, the initial value", e.number(ev.value))
	case value:
		fmt.Fprintf(&e.out, " reads %s, stored by task %d", e.number(ev.value), g.event[ev.from].task)
	case ev.from == initial:
		e.out.WriteString(" as it was in the beginning")
	default:
		fmt.Fprintf(&e.out, " after %s of task %d", e.describe(g.event[ev.from].node), g.event[ev.from].task)
	}
	list := g.co[ev.loc]
	for i := len(list) - 1; i >= 0 && list[i] != ev.from; i-- {
		w := list[i]
		if g.event[w].rmw == r || g.event[w].task == ev.task {
			continue
		}
		fmt.Fprintf(&e.out, "\n        not the newer %s of task %d: %s", e.describe(g.event[w].node), g.event[w].task, e.reason(g, w, r))
		return
	}
}

// reason says why a store was not visible to a load.
func (e *explanation) reason(g *graph, w, r int) string {
	var order relation
	for m := g.all; m != 0; {
		n := m.take()
		order[n] = g.po[n] | g.rf[n] | g.coRow[n] | g.fr[n]
	}
	acyclic := order.closure(g.all)
	switch {
	case g.model == SC || acyclic:
		return "it came after the load"
	case g.model == TSO:
		return "it was still in the store buffer of its task"
	case g.po[r] == 0 && g.po[w] == 0:
		return "nothing orders the two"
	}
	return "nothing orders the store, or what led to it, before the load"
}

// cure looks for the barriers that forbid what was found, weaker ones first: one alone,
// then two.
func (e *explanation) cure() error {
	kinds := []Fence{Wmb, Rmb, Mb}
	none := []placed{}
	for number := 1; number <= 2; number++ {
		var cures []string
		for _, fences := range combinations(kinds, number) {
			for _, at := range e.choices(none, 0, fences) {
				happens, err := e.happens(e.with(at), func(*State) {})
				if err != nil {
					return err
				}
				if !happens {
					cures = append(cures, e.placement(at))
				}
			}
			if len(cures) > 0 {
				fmt.Fprintf(&e.out, "forbidden by %s\n", strings.Join(cures, "\n       or by "))
				return nil
			}
		}
	}
	fmt.Fprintf(&e.out, "no barrier, nor two, would forbid it under %v\n", e.options.Model)
	return nil
}

// placed is a barrier at a place.
type placed struct {
	fence Fence
	place place
}

// combinations lists the choices of some barriers, the weakest first.
func combinations(kinds []Fence, number int) [][]Fence {
	if number == 1 {
		return [][]Fence{{Wmb}, {Rmb}, {Mb}}
	}
	var all [][]Fence
	for sum := 0; sum <= 2*(len(kinds)-1); sum++ {
		for i := range kinds {
			for j := i; j < len(kinds); j++ {
				if i+j == sum {
					all = append(all, []Fence{kinds[i], kinds[j]})
				}
			}
		}
	}
	return all
}

// choices lists the ways of placing barriers, each between operations that it can
// order. Two of a kind are placed in order.
func (e *explanation) choices(so []placed, from int, fences []Fence) [][]placed {
	if len(fences) == 0 {
		return [][]placed{so}
	}
	var all [][]placed
	for i := from; i < len(e.places); i++ {
		if !e.fits(fences[0], e.places[i]) {
			continue
		}
		next := 0
		if len(fences) > 1 && fences[1] == fences[0] {
			next = i + 1
		}
		all = append(all, e.choices(append(so[:len(so):len(so)], placed{fences[0], e.places[i]}), next, fences[1:])...)
	}
	return all
}

// fits reports whether a barrier can order what stands around a place.
func (e *explanation) fits(f Fence, p place) bool {
	load := func(n *node) bool { return n.op.reads() }
	store := func(n *node) bool { return !n.op.reads() || n.op == opRMW || n.op == opLock }
	switch f {
	case Wmb:
		return store(p.before) && store(p.after)
	case Rmb:
		return load(p.before) && load(p.after)
	}
	return true
}

func (e *explanation) with(at []placed) [][]extraFence {
	extra := make([][]extraFence, len(e.program.Tasks))
	for _, b := range at {
		extra[b.place.task] = append(extra[b.place.task], extraFence{b.place.after.verb, b.fence})
	}
	return extra
}

func (e *explanation) placement(at []placed) string {
	var parts []string
	for _, b := range at {
		parts = append(parts, fmt.Sprintf("%v() in task %d between %s and %s", b.fence, b.place.task, e.describe(b.place.before), e.describe(b.place.after)))
	}
	return strings.Join(parts, ", with ")
}

// places lists the places between the operations of each task.
func (g *graph) places() []place {
	var all []place
	for t, range_ := range g.tasks {
		var before *node
		for m := range_ & g.all; m != 0; {
			n := g.event[m.take()].node
			if before != nil && n != before {
				all = append(all, place{t, before, n})
			}
			before = n
		}
	}
	return all
}

// describe names an operation.
func (e *explanation) describe(n *node) string {
	loc := fmt.Sprintf("location %d", n.loc)
	if n.loc < len(e.program.Names) {
		loc = e.program.Names[n.loc]
	}
	switch n.op {
	case opLoad:
		return "load of " + loc
	case opStore:
		return fmt.Sprintf("store of %s to %s", e.number(n.value), loc)
	case opRMW:
		return "read-modify-write of " + loc
	case opLock:
		return "spin_lock of " + loc
	case opUnlock:
		return "spin_unlock of " + loc
	case opTryLock:
		return "spin_trylock of " + loc
	case opIsLocked:
		return "spin_is_locked of " + loc
	case opRCULock:
		return "rcu_read_lock"
	case opRCUUnlock:
		return "rcu_read_unlock"
	case opSyncRCU:
		return "synchronize_rcu"
	case opSRCULock:
		return "srcu_read_lock of " + loc
	case opSRCUUnlock:
		return "srcu_read_unlock of " + loc
	case opSyncSRCU:
		return "synchronize_srcu of " + loc
	}
	return "end"
}

// number writes a value, with the name of the location if it is an address.
func (e *explanation) number(v int64) string {
	if loc, ok := Loc(v); ok && loc < len(e.program.Names) {
		return "&" + e.program.Names[loc]
	}
	return fmt.Sprint(v)
}
