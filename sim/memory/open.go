package memory

import (
	"encoding/binary"
	"slices"
)

// Under LKMM with load buffering the value of a plain load may depend on the load
// itself: between marked accesses happens-before forbids the circle, between plain
// ones nothing does, since the compiler may do to them what it likes. What value goes
// round is open then. The published model has such executions, with an unknown for a
// value, so they are explored here too, each once, whatever value it was found with.

// circles reports whether every address comes from somewhere, and which loads and
// stores have a value that depends on itself or on one that does. An address may depend
// on a value that the store at the address leads to, if it can be worked out.
func (g *graph) circles(x *scratch) (sound bool, open set) {
	for m := g.all; m != 0; {
		e := m.take()
		x.link[e] = g.direct[e] | g.rf[e]
	}
	if x.link.closure(g.all) {
		return true, 0
	}
	var cycle set
	for m := g.all; m != 0; {
		if e := m.take(); x.link[e].has(e) {
			cycle |= one(e)
		}
	}
	open = cycle
	for m := g.all; m != 0; {
		if e := m.take(); x.link[e]&cycle != 0 {
			open |= one(e)
		}
	}
	for m := g.all; m != 0; { // nobody knows which location that would be
		if e := m.take(); g.addr[e]&open != 0 {
			return false, 0
		}
	}
	return true, open
}

// open finds out which values of the end of an execution are open, and reports
// whether the execution has been there before, with other values in their place.
func (x *explorer) open() (sound, again bool) {
	s := &x.state
	s.open, s.last = 0, nil
	if !x.options.LoadBuffering || x.plain == 0 {
		return true, false
	}
	sound, s.open = x.circles(&x.x)
	if !sound || s.open == 0 {
		return sound, false
	}
	for loc := range x.co {
		s.last = append(s.last, x.last(loc))
	}
	key := string(x.outline())
	again = x.seen[key]
	if x.seen == nil {
		x.seen = map[string]bool{}
	}
	x.seen[key] = true
	return true, again
}

// outline is the graph without the values that are open.
func (x *explorer) outline() []byte {
	var key []byte
	number := func(n int64) { key = binary.AppendVarint(key, n) }
	for m := x.all; m != 0; {
		e := m.take()
		ev := &x.event[e]
		number(int64(e))
		number(int64(ev.node.verb))
		number(int64(ev.loc))
		number(int64(ev.from))
		if !x.state.open.has(e) {
			number(ev.value)
		}
	}
	for _, list := range x.co {
		number(int64(len(list)))
		for _, w := range list {
			number(int64(w))
		}
	}
	for t, ts := range x.task {
		for reg, v := range ts.node.regs {
			if !x.state.OpenReg(t, reg) {
				number(v)
			}
		}
	}
	return key
}

// OpenReg reports whether the value of a register is open: it came through plain
// accesses from a load that has its value, in the end, from itself. What Regs has is
// one of the values that it may have.
func (s *State) OpenReg(task, reg int) bool {
	if s.open == 0 {
		return false
	}
	deps := s.graph.end[task].regDeps
	return reg < len(deps) && set(deps[reg])<<s.graph.base[task]&s.open != 0
}

// OpenMem reports whether the final value of a location is open, as OpenReg does.
func (s *State) OpenMem(loc int) bool {
	return s.open != 0 && s.last[loc] >= 0 && s.open.has(s.last[loc])
}

// guess lets loads read values of which nobody knows where they come from, where a
// store may put them: one whose value is computed from other loads.
func (tb *table) guess(values []int64) {
	for _, t := range tb.trees {
		for i := 0; i < len(t.nodes); i++ {
			if n := t.nodes[i]; n.op == opStore && len(n.from) > 0 {
				tb.guessed[n.loc] = true
			}
		}
	}
	for loc, guessed := range tb.guessed {
		if !guessed {
			continue
		}
		for _, v := range values {
			if !slices.ContainsFunc(tb.values[loc], func(k known) bool { return k.value == v }) {
				k := known{value: v}
				tb.values[loc] = append(tb.values[loc], k)
				tb.changed = true
				for _, r := range tb.readers[loc] {
					tb.expand(r, k)
				}
			}
		}
	}
}
