package sim

import (
	"trapline/sim/graph"
)

// What a search asks about memory, with a model other than SC.

// Sources lists the stores from which the pending load of a task may read, in the
// order of the values of its choice, and is nil if its pending step is no load. The
// slice is valid until the task goes on.
func (m *Machine) Sources(id TaskID) []graph.Event {
	k := m.tasks[id]
	if !k.inMemory || !k.mem.loads {
		return nil
	}
	return k.sources()
}

// PendingMemory is the word that the pending step of a task loads from, 0 if it is no
// load.
func (m *Machine) PendingMemory(id TaskID) ObjID {
	k := m.tasks[id]
	if !k.inMemory || !k.mem.loads {
		return 0
	}
	return k.mem.o.id
}

// PendingWrite is the word that the pending step of a task may store to, 0 if it is no
// store.
func (m *Machine) PendingWrite(id TaskID) ObjID {
	k := m.tasks[id]
	if !k.inMemory || !k.mem.stores {
		return 0
	}
	return k.mem.o.id
}

// LastMemoryEvent is the last event of the execution graph.
func (m *Machine) LastMemoryEvent() graph.Event { return graph.Event(m.weak.graph.Len() - 1) }

// Writes are the stores to words of memory that steps of the last execution have made,
// or might have made, in order.
func (m *Machine) Writes() []Written {
	if m.weak == nil {
		return nil
	}
	return m.weak.writes
}

// MayGoOn says whether a task may take steps in what is left of the execution: it has
// not ended, or has not been spawned yet.
func (m *Machine) MayGoOn(id TaskID) bool { return m.ToBeSpawned(id) || m.tasks[id].alive }

// ToBeSpawned says that a task that an earlier execution had, of this machine or of the
// one whose names it has adopted, is not there yet.
func (m *Machine) ToBeSpawned(id TaskID) bool {
	k := m.tasks[id]
	return k == nil || k.born != m.runs
}

// Stuck says that a task cannot take its pending step, and will not be able to before
// another task has taken one that conflicts with it or stores to the word that it loads
// from.
func (m *Machine) Stuck(id TaskID) bool {
	k := m.tasks[id]
	if k == nil || k.born != m.runs || !k.asks || k.ready() || k.pending.obj != nil && m.unordered(k.pending.obj) {
		return false
	}
	return !k.inMemory || k.pending.wait != Spinning || k.mem.accepts != nil
}

// MemoryFull says that the last execution was cut off because it had more than
// [graph.MaxEvents] events of memory.
func (m *Machine) MemoryFull() bool { return m.weak != nil && m.weak.graph.Full() }

// RememberMemory has the machine keep what the model allowed at each point of an
// execution, for a search that comes there again and again. It is only for a machine that
// runs one program.
func (m *Machine) RememberMemory() {
	if m.weak == nil {
		m.weak = &weak{}
	}
	m.weak.memo.on = true
}
