package explore

import (
	"slices"

	"trapline/sim"
)

// knowledge is what earlier executions have shown.
type knowledge struct {
	uses  map[useOf]int32 // the last step in which it was seen, and one
	extra map[stepOf][]sim.Access
	grown bool
	// growths counts how often it has grown, and variety what is in extra.
	growths, variety int
}

func newKnowledge() knowledge {
	return knowledge{uses: map[useOf]int32{}, extra: map[stepOf][]sim.Access{}}
}

// grow notes that there is something new.
func (k *knowledge) grow() {
	k.grown = true
	k.growths++
}

// useOf is a use of an object by a task. A store to memory has the mode memoryWrite.
type useOf struct {
	task sim.TaskID
	obj  sim.ObjID
	mode sim.Mode
}

// stepOf is a kind of step of a task.
type stepOf struct {
	task sim.TaskID
	op   sim.Op
	obj  sim.ObjID
}

const memoryWrite sim.Mode = 1 << 7

// learn enters what a step has used into what is known.
func (g *graphs) learn(e *sim.Event, uses []sim.Access) {
	if g.depth < g.fresh {
		return // it was before
	}
	n := g.taken(e.Task)
	for i := range uses {
		g.known.use(useOf{e.Task, uses[i].Obj, uses[i].Mode}, n)
	}
	if extra := uses[e.Known:]; len(extra) > 0 {
		k := stepOf{task: e.Task, op: e.Op}
		if e.Known > 0 {
			k.obj = uses[0].Obj
		}
		for _, a := range extra {
			if g.known.varies(k, a.Obj, a.Mode) {
				g.known.variety++
				g.known.grow()
			}
		}
	}
}

// varies notes that a kind of steps uses something besides, if that is new.
func (k *knowledge) varies(of stepOf, obj sim.ObjID, mode sim.Mode) bool {
	if slices.ContainsFunc(k.extra[of], func(a sim.Access) bool { return a.Obj == obj && a.Mode == mode }) {
		return false
	}
	k.extra[of] = append(k.extra[of], sim.Access{Obj: obj, Mode: mode})
	return true
}

// use notes that a task uses something in its n-th step.
func (k *knowledge) use(u useOf, n int) {
	if k.uses[u] < int32(n+1) {
		k.uses[u] = int32(n + 1)
		k.grow()
	}
}

// rest takes account of the steps that were pending when the execution ended.
func (g *graphs) rest(m *sim.Machine) {
	for _, id := range m.Unfinished() {
		n := g.taken(id)
		if obj := m.PendingWrite(id); obj != 0 {
			g.known.use(useOf{id, obj, memoryWrite}, n)
		}
		for _, a := range g.footprint(m, id, &g.known) {
			g.known.use(useOf{id, a.Obj, a.Mode}, n)
		}
	}
}

// footprint is what the pending step of a task may use, apart from memory, as far as what
// is known says.
func (g *graphs) footprint(m *sim.Machine, id sim.TaskID, known *knowledge) []sim.Access {
	k := g.kind(m, id)
	g.buffer = append(g.buffer, known.extra[k]...)
	return g.buffer
}

// kind is the kind of step that a task is about to take. What is known of it without
// having seen it is left in buffer.
func (g *graphs) kind(m *sim.Machine, id sim.TaskID) stepOf {
	g.buffer = m.Pending(id, g.buffer[:0])
	k := stepOf{task: id, op: m.PendingOp(id)}
	if len(g.buffer) > 0 {
		k.obj = g.buffer[0].Obj
	}
	return k
}
