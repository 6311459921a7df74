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
	// growths counts how often it has grown.
	growths int
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
			if !slices.ContainsFunc(g.known.extra[k], func(b sim.Access) bool { return a.Obj == b.Obj && a.Mode == b.Mode }) {
				g.known.extra[k] = append(g.known.extra[k], sim.Access{Obj: a.Obj, Mode: a.Mode})
				g.known.grow()
			}
		}
	}
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
		for _, a := range g.footprint(m, id) {
			g.known.use(useOf{id, a.Obj, a.Mode}, n)
		}
	}
}

// footprint is what the pending step of a task may use, apart from memory.
func (g *graphs) footprint(m *sim.Machine, id sim.TaskID) []sim.Access {
	g.buffer = m.Pending(id, g.buffer[:0])
	k := stepOf{task: id, op: m.PendingOp(id)}
	if len(g.buffer) > 0 {
		k.obj = g.buffer[0].Obj
	}
	g.buffer = append(g.buffer, g.known.extra[k]...)
	return g.buffer
}
