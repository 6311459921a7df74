package explore

import (
	"math"
	"slices"

	"trapline/sim"
)

// weigh orders the options and says how likely each of them is to be taken.
func (e *estimator) weigh(p *sim.Point) {
	few := e.persistent()
	first := 0
	for i := range e.options {
		if few.has(e.options[i].task) {
			o := e.options[i]
			copy(e.options[first+1:i+1], e.options[first:i])
			e.options[first] = o
			first++
		}
	}
	e.odds = e.odds[:0]
	for i := range e.options {
		odds := 1.
		if i >= first {
			odds = unlikely / float64(len(e.options)-first)
		} else if n := e.leave(i); len(e.stuck) > 0 {
			odds = math.Ldexp(1, -n)
			if e.hopeless(&e.options[i], p) {
				odds *= unlikely
			}
		}
		e.odds = append(e.odds, odds)
	}
}

// persistent is a small set of tasks that nobody outside of it interferes with
// before one of them has taken a step, as far as is known.
func (e *estimator) persistent() taskSet {
	best := 0
	for i := range e.options {
		if i > 0 && e.options[i].task == e.options[i-1].task {
			continue
		}
		set := e.closure(e.set[1], e.options[i].task)
		n := 0
		for j := range e.options {
			if set.has(e.options[j].task) {
				n++
			}
		}
		e.set[1] = set
		if best == 0 || n < best {
			best = n
			e.set[0], e.set[1] = e.set[1], e.set[0]
		}
		if best == 1 {
			break
		}
	}
	return e.set[0]
}

// closure adds to t all who may come to a step that depends on the next one of a
// task in the set.
func (e *estimator) closure(set taskSet, t sim.TaskID) taskSet {
	set = append(set[:0], e.rivals[t]...)
	set.add(t)
	done := 0
	for n := set.size(); n != done; n = set.size() {
		done = n
		for u := range e.next {
			if set.has(sim.TaskID(u)) {
				for w, x := range e.rivals[u] {
					set[w] |= x
				}
			}
		}
	}
	return set
}

// hopeless says whether of those that the option o leaves asleep one will be so for
// ever, as far as is known: all who could wake it are stuck as well.
func (e *estimator) hopeless(o *option, p *sim.Point) bool {
	asleep := len(e.stuck)
	able := e.set[1][:0]
	for range e.words() {
		able = append(able, 0)
	}
	for _, t := range p.Tasks {
		able.add(t)
	}
	for t := range e.next { // those who are blocked
		if t := sim.TaskID(t); e.m.Waiting(t) && !able.has(t) {
			e.stay(&option{task: t, uses: e.next[t]}, o)
		}
	}
	for i := range able {
		able[i] = math.MaxUint64
	}
	for i := range e.stuck {
		able.remove(e.stuck[i].task)
	}
	e.set[1] = able
	for again := true; again; {
		again = false
		for i := 0; i < len(e.stuck); i++ {
			s := &e.stuck[i]
			if !able.meets(e.rivals[s.task]) {
				continue
			}
			able.add(s.task)
			if i < asleep {
				asleep--
			}
			e.stuck = slices.Delete(e.stuck, i, i+1)
			again = true
			i--
		}
	}
	return asleep > 0
}

// pending is what the next step of a task is going to use, as far as is known. It
// is not nil.
func (e *estimator) pending(t sim.TaskID) []sim.Access {
	from := len(e.arena)
	e.arena = e.m.Pending(t, e.arena)
	key := stepKey{task: t, number: e.numbers[t], op: e.m.PendingOp(t)}
	if len(e.arena) > from {
		key.obj = e.arena[from].Obj
	}
	e.arena = append(e.arena, e.extra[key]...)
	if e.arena == nil {
		return []sim.Access{}
	}
	return e.arena[from:len(e.arena):len(e.arena)]
}

// mayCome says whether a task that has not ended was ever seen to take a step, from
// where it is now, that depends on these uses.
func (e *estimator) mayCome(t sim.TaskID, uses []sim.Access) bool {
	done := e.numbers[t]
	if done > 0 && !e.m.Waiting(t) {
		return false
	}
	for _, a := range uses {
		if int(a.Obj) >= len(e.last) {
			continue
		}
		for mode, by := range &e.last[a.Obj] {
			if a.Mode.Conflicts(sim.Mode(mode)) && int(t) < len(by) && by[t] > done {
				return true
			}
		}
	}
	return false
}
