package explore

import (
	"slices"

	"trapline/sim"
)

// past is what comes before the next step of a task: the events in clock, and
// steps of the tasks in unborn, which have yet to spawn it.
type past struct {
	clock  []int32
	unborn []sim.TaskID
}

// before is the past of what a task does after the event previous.
func (w *stateSearch) before(t sim.TaskID, previous int32) past {
	var p past
	for {
		if previous < 0 {
			step, ok := w.m.BornIn(t)
			if ok && step < 0 {
				return p
			}
			previous = int32(step)
		}
		if previous >= 0 {
			p.clock = w.order.events[previous].clock
			return p
		}
		if t = w.m.Parent(t); t == 0 {
			return p
		}
		previous = -1
		p.unborn = append(p.unborn, t)
		if int(t) < len(w.order.tasks) {
			previous = w.order.tasks[t]
		}
	}
}

// races looks for events before which a step could have been taken, and has its
// task tried there. The step is event i, where i is the number of events for one
// that was pending at the end, or it is only known to follow, where i is -1.
func (w *stateSearch) races(i int, s *future) {
	o := &w.order
	previous, taken := int32(-1), i >= 0 && i < len(o.events)
	if taken {
		previous = o.events[i].previous
	} else if int(s.task) < len(o.tasks) {
		previous = o.tasks[s.task]
	}
	p := w.before(s.task, previous)
	for n := range s.uses {
		u := int32(-1)
		if taken {
			u = o.accesses[o.events[i].first+int32(n)].previous
		} else if obj := s.uses[n].Obj; int(obj) < len(o.last) {
			u = o.last[obj]
		}
		w.rivals(i, s, &s.uses[n], u, p)
	}
	if !s.fatal {
		return
	}
	for j := range o.events {
		if e := &o.events[j]; j != i && e.task != s.task && !o.knows(p.clock, e.task, j) {
			w.try(j, i, s, p)
		}
	}
}

// rivals does so for what the step uses of one object, of which u is the last use
// so far. What comes before a write that conflicts comes before the step as well,
// or the write has to be taken away first.
func (w *stateSearch) rivals(i int, s *future, a *sim.Access, u int32, p past) {
	o := &w.order
	depends := a.Need == sim.Awaiting || a.Need == sim.Spinning // on a value
	for ; u >= 0; u = o.accesses[u].previous {
		x := &o.accesses[u]
		j, e := int(x.event), &o.events[x.event]
		switch {
		case j == i || e.task != s.task && !x.Mode.Conflicts(a.Mode):
			continue
		case e.task == s.task, o.knows(p.clock, e.task, j), w.together(j, s.locks, a.Obj):
		case a.Need != 0 && !depends && x.Before&a.Need == 0:
			continue // it was not possible there
		default:
			w.try(j, i, s, p)
			if depends {
				continue
			}
		}
		if x.Mode == sim.Write {
			return
		}
	}
}

// together says whether event j was taken under one of these locks, other than
// the object of which that is asked.
func (w *stateSearch) together(j int, locks []sim.ObjID, but sim.ObjID) bool {
	if len(locks) == 0 {
		return false
	}
	under := func(held []sim.ObjID) bool {
		return slices.ContainsFunc(held, func(l sim.ObjID) bool { return l != but && slices.Contains(locks, l) })
	}
	previous := w.order.events[j].previous
	return under(w.locks[j]) || previous >= 0 && under(w.locks[previous])
}

// try has the task of a step tried at place j, or if it cannot go on there, one of
// those that it comes after; if none of them can either, all.
func (w *stateSearch) try(j, i int, s *future, p past) {
	x := &w.path[j]
	if x.full && x.cycle {
		return
	}
	found := -1
	for n, q := range x.tasks {
		own := q == s.task
		if !own && !slices.Contains(p.unborn, q) && !w.leads(q, j, i, p) {
			continue
		}
		switch x.marks[n] {
		case todo, done:
			return
		case slept:
			if own && w.first(j, i, s) {
				return // it was the first then, and has been visited
			}
			if found < 0 {
				found = n
			}
		default:
			if found < 0 || own || x.marks[found] == slept {
				found = n
			}
		}
	}
	if found < 0 {
		x.full = true
		return
	}
	x.marks[found] = todo
}

// leads says whether q takes a step after event j that comes before event i, or in
// the past of its task, but not after j.
func (w *stateSearch) leads(q sim.TaskID, j, i int, p past) bool {
	o := &w.order
	if int(q) < len(p.clock) && int(p.clock[q])-1 > j {
		return true
	}
	if i < 0 || i >= len(o.events) || int(q) >= len(o.events[i].clock) {
		return false
	}
	for m := int(o.events[i].clock[q]) - 1; m > j; m = int(o.events[m].previous) {
		if !o.knows(o.events[m].clock, o.events[j].task, j) {
			return true
		}
	}
	return false
}

// first says whether a step, which is event i, can be taken at place j without any
// of the steps in between but the one at j itself.
func (w *stateSearch) first(j, i int, s *future) bool {
	o := &w.order
	for m := j + 1; m < i; m++ {
		if o.knows(o.events[m].clock, o.events[j].task, j) {
			continue // it comes after the step at j
		}
		if o.events[m].task == s.task || conflict(s.uses, w.m.Accesses(&w.m.Events()[m])) {
			return false
		}
	}
	return i >= 0
}
