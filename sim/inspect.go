package sim

// Events are the steps of the last execution, in order.
func (m *Machine) Events() []Event { return m.events }

// Accesses are the objects that a step used.
func (m *Machine) Accesses(e *Event) []Access { return m.accesses[e.first:e.last] }

// Choices is the number of values of the data choice that a task is about to
// make, 0 if its pending step is something else.
func (m *Machine) Choices(id TaskID) int { return int(m.tasks[id].pending.choices) }

// PendingOp is the kind of the pending step of an unfinished task.
func (m *Machine) PendingOp(id TaskID) Op { return m.tasks[id].pending.op }

// Pending appends to uses what the pending step of an unfinished task is known
// to use.
func (m *Machine) Pending(id TaskID, uses []Access) []Access {
	k := m.tasks[id]
	if k.gated() {
		uses = append(uses, Access{Obj: k.wake.id, Mode: Read, Need: born, Before: k.wake.allow})
	}
	if o := k.pending.obj; o != nil && !k.inMemory && !m.unordered(o) {
		uses = append(uses, Access{Obj: o.id, Mode: k.pending.mode, Need: k.pending.wait, Before: o.allow, Since: m.since(k, o)})
		if o.life != nil {
			uses = append(uses, Access{Obj: o.life.o.id, Mode: Read})
		}
	}
	if k.inMemory && k.pending.obj.life != nil {
		uses = append(uses, Access{Obj: k.pending.obj.life.o.id, Mode: Read})
	}
	if k.steps == 0 && k.younger != nil {
		uses = append(uses, Access{Obj: k.younger.wake.id, Mode: Write, Before: k.younger.wake.allow})
	}
	if k.pending.wait == Spinning && !k.inMemory {
		for i, l := range k.loop {
			if !k.pending.uses(l.obj) && !again(k.loop[:i], l.obj) {
				uses = append(uses, Access{Obj: l.obj, Mode: Read, Need: Spinning, Since: m.objects[l.obj].version - l.version})
			}
		}
	}
	if w := k.pending.cpu; w != 0 {
		uses = append(uses, Access{Obj: k.c.o.id, Mode: Read, Need: w, Before: k.c.o.allow})
	}
	return k.pendingSections(uses)
}

// PendingOnly is the object that the pending step of an unfinished task is known to
// use, if it is known to use no other, and costs less than [Machine.Pending]. It may be
// 0 all the same, and then Pending says.
func (m *Machine) PendingOnly(id TaskID) ObjID {
	k := m.tasks[id]
	o := k.pending.obj
	if o == nil || o.life != nil || k.steps == 0 || k.inMemory || k.pending.wait == Spinning || k.pending.cpu != 0 || m.weak != nil || m.rcu.watched {
		return 0
	}
	return o.id
}

// Unfinished are the tasks that had a step pending when the last execution
// ended, daemons included; Pending says which. The slice is valid
// until the next execution.
func (m *Machine) Unfinished() []TaskID { return m.unfinished }

// Waiting says whether a task has a step pending that it may yet take. The setup never
// has, even if a rule was broken in the midst of one of its steps.
func (m *Machine) Waiting(id TaskID) bool {
	k := m.tasks[id]
	return k != nil && !k.setup && k.asks && !k.done()
}

// IsDaemon says whether a task may go on for ever.
func (m *Machine) IsDaemon(id TaskID) bool { return m.tasks[id].daemon }

// Tasks is one more than the highest TaskID that the machine has given out.
func (m *Machine) Tasks() int { return len(m.tasks) }

// Objects is one more than the highest ObjID that the machine has given out.
func (m *Machine) Objects() int { return len(m.objects) }

// Parent is the task that spawned a task, 0 (the setup) for those of the program.
func (m *Machine) Parent(id TaskID) TaskID {
	k := m.tasks[id]
	if k == nil { // adopted, and not run yet
		m.ids.mu.Lock()
		defer m.ids.mu.Unlock()
		return m.ids.tasks[id].by
	}
	if k.parent != nil {
		return k.parent.id
	}
	return 0
}

// TaskName is the name of a task, empty if the machine has not run it yet.
func (m *Machine) TaskName(id TaskID) string {
	if int(id) >= len(m.tasks) || m.tasks[id] == nil {
		return ""
	}
	return m.tasks[id].name
}
