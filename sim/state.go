package sim

import (
	mathbits "math/bits"
	"reflect"
)

// This file says which state the machine is in, for searches that stop where they
// have been: [Machine.State]. Two executions in one state can go on in the same
// ways, and to the same ends. The state is made of
//
//   - the objects: of those that have a content its value, and of all others the
//     steps that led there, in the order that matters, so that they are the same
//     only after the same steps (all of them, where loops try again: whether a task
//     waits there depends on who came into its rounds, see retry.go);
//   - the tasks: what each has found since it last forgot (see [K.Forget]), in its
//     order. Its local variables cannot depend on anything else;
//   - what rules are judged by and steps do not show: what lockdep has learnt, and
//     of the past accesses of plain data, and wake-ups, who knows of them.
//
// It has 64 bits: that two of a million states share one is less likely than one
// in ten million.

// content is an object that is known by its value.
type content interface {
	// content is what a step that uses the object in this mode can find, beside
	// what the object allows and who holds it.
	content(by Mode) uint64
}

// tracking is what a machine keeps for State.
type tracking struct {
	actor  *K     // whose code runs
	blind  bool   // the step finds nothing out
	sum    uint64 // over the objects
	dirty  []dirt
	found  []found // by ObjID
	data   []*Data
	mixed  []*mixed
	queues []*WaitQueue
	forgot bool // ever
}

// found is what there is to find in an object: for those who only add to it,
// and for all others.
type found struct {
	o               *Object // nil if it is not of this execution
	byAdders, added uint64
	full            uint64
}

// dirt is an object that the step being taken may have changed.
type dirt struct {
	o    *Object
	k    *K
	mode Mode
}

func (t *tracking) reset() {
	t.actor, t.blind, t.sum = nil, false, 0
	clear(t.dirty)
	clear(t.data)
	clear(t.mixed)
	clear(t.queues)
	clear(t.found)
	t.dirty, t.data, t.mixed, t.queues = t.dirty[:0], t.data[:0], t.mixed[:0], t.queues[:0]
}

// resetStates forgets the states of the last execution.
func (m *Machine) resetStates() {
	m.tracking.reset()
	m.tracking.actor = m.tasks[0]
	for _, k := range m.tasks {
		if k != nil {
			k.local, k.bornIn = 0, notBorn
		}
	}
}

// exists enters an object that is new in this execution into the state.
func (m *Machine) exists(o *Object) {
	t := &m.tracking
	for len(t.found) <= int(o.id) {
		t.found = append(t.found, found{})
	}
	t.found[o.id].o = o
	t.dirty = append(t.dirty, dirt{o, t.actor, Write})
}

// bears enters a new task into the state: what it can remember is what its parent
// could.
func (m *Machine) bears(parent, k *K) {
	k.local = mix(mix(parent.local, k.order), 1) | 1
	k.wake.content = &k.sleeper
	k.bornIn = len(m.events) - 1
}

// acts makes k the task whose step begins.
func (m *Machine) acts(k *K, op Op) {
	m.settle()
	m.tracking.actor = k
	k.local = mix(k.local, ops[op].key)
}

// finds enters into the state that the step being taken uses o: what it finds
// there is from now on a part of what its task may remember.
func (m *Machine) finds(o *Object, mode Mode) {
	t := &m.tracking
	if int(o.id) >= len(t.found) {
		return // it was never initialised, which is about to be noticed
	}
	if !t.blind {
		what := t.found[o.id].full
		if mode == Add {
			what = t.found[o.id].byAdders
		}
		t.actor.local = mix(mix(t.actor.local, m.objects[o.id].key), what)
	}
	if mode != Read {
		t.dirty = append(t.dirty, dirt{o, t.actor, mode})
	}
}

// settle takes what the last step has done to objects into the state.
func (m *Machine) settle() {
	t := &m.tracking
	for _, d := range t.dirty {
		f, key := &t.found[d.o.id], m.objects[d.o.id].key
		if f.full != 0 {
			t.sum -= mix(key, f.full)
		}
		by := mix(d.k.order+1, d.k.local)
		switch {
		case d.o.content != nil && !m.retries: // who waits to try again depends on the way
			f.byAdders = d.o.content.content(Add)
			h := mix(d.o.content.content(Write), uint64(d.o.allow))
			if d.o.class != 0 {
				h = mix(h, m.lockdep.keys[d.o.class])
			}
			f.full = mix(h, orderOf(d.o.holder)) | 1
		case d.mode == Add:
			f.added += by
			f.full = mix(f.byAdders, f.added) | 1
		default:
			f.byAdders, f.added = by, 0
			f.full = by | 1
		}
		t.sum += mix(key, f.full)
	}
	t.dirty = t.dirty[:0]
}

// orderOf stands for a task, or for none.
func orderOf(k *K) uint64 {
	if k == nil {
		return 0
	}
	return k.order + 1
}

// State is the state that the machine is in, where a step is to be chosen. It
// means something only if the machine keeps up with it, see Machine.States. It is the
// same on every machine that is made by the same program, in Go, and set up in the same
// way.
func (m *Machine) State() uint64 {
	m.settle()
	h := m.tracking.sum
	for _, k := range m.tasks {
		if k != nil && k.local != 0 {
			h += mix(k.order+1, mix(k.local, k.lap()))
		}
	}
	for _, d := range m.resting {
		h += mix(d.agent.order, mix(uint64(d.revived)<<8|uint64(d.chain), uint64(flag(d.rests)+2*flag(d.last))))
	}
	return mix(mix(h, m.lockdep.state()), m.pastKnown())
}

// lap is where a task is in a loop that may turn out to be endless.
func (k *K) lap() uint64 {
	h := uint64(flag(k.alive))
	for _, l := range k.loop {
		if k.pending.wait == Spinning {
			h = mix(h, k.m.objects[l.obj].key+uint64(flag(k.m.objects[l.obj].version != l.version)))
		}
	}
	if k.lookStep == k.steps {
		for _, l := range k.looks {
			h = mix(mix(h, l.site), k.m.objects[l.obj].key+uint64(flag(k.m.objects[l.obj].version != l.version)))
		}
	}
	return h
}

// state is what lockdep has learnt.
func (d *lockdep) state() uint64 {
	h := uint64(0)
	g := &d.graph
	for i, set := range g.after {
		if set == 0 {
			continue
		}
		c, word := i/g.words/int(dependencies), i%g.words
		row := d.keys[c] + uint64(i/g.words%int(dependencies))
		for ; set != 0; set &= set - 1 {
			h += mix(row, d.keys[64*word+mathbits.TrailingZeros64(set)])
		}
	}
	for c, u := range d.irq.usage {
		if u != 0 {
			h += mix(d.keys[c]+1, uint64(u))
		}
	}
	return h
}

// pastKnown is what of the past can still turn out to be a data race or a lost
// wake-up: the accesses and the wake-ups that some task does not know of, and who
// does. Clocks only ever pass on what they have, so that is all that matters of
// them.
func (m *Machine) pastKnown() uint64 {
	h := uint64(0)
	for _, d := range m.tracking.data {
		h += m.accessKnown(d, &d.write)
		for i := range d.reads {
			h += m.accessKnown(d, &d.reads[i])
		}
	}
	for _, x := range m.tracking.mixed {
		for i := range x.marks {
			h += m.accessKnown(&x.Data, &x.marks[i])
		}
	}
	for _, q := range m.tracking.queues {
		h += m.wakeKnown(&q.o, &q.wakes)
	}
	for _, k := range m.live {
		h += m.wakeKnown(&k.wake, &k.wakes)
	}
	return h
}

func (m *Machine) accessKnown(d *Data, a *access) uint64 {
	if a.k == nil {
		return 0
	}
	who := m.knownBy(a.k.id, a.epoch)
	if who == 0 {
		return 0
	}
	what := mix(mix(m.objects[d.o.id].key, a.site), orderOf(a.k)<<8|uint64(a.mode)<<4|uint64(a.how))
	return mix(what, who)
}

func (m *Machine) wakeKnown(o *Object, l *wakeLog) uint64 {
	if l.n == 0 {
		return 0
	}
	who := m.knownBy(l.by.id, l.epoch)
	if who == 0 {
		return 0
	}
	return mix(m.objects[o.id].key+1, who)
}

// knownBy is who knows what task t did up to an epoch, 0 if every task does.
func (m *Machine) knownBy(t TaskID, epoch uint32) uint64 {
	h, all := uint64(1), true
	for _, k := range m.live {
		if k.clock.at(t) >= epoch {
			h += mix(k.order, 1)
		} else {
			all = false
		}
		if k.prepared {
			if k.before.at(t) >= epoch {
				h += mix(k.order, 2)
			} else {
				all = false
			}
		}
	}
	if all {
		return 0
	}
	for i := range m.objects {
		o := &m.objects[i]
		if o.stores.at(t) >= epoch {
			h += mix(o.key, 3)
		}
		if o.adds.at(t) >= epoch {
			h += mix(o.key, 4)
		}
	}
	return h | 1
}

// Locks appends to locks those that a task holds for itself alone, so that no
// other task can be where it is.
func (m *Machine) Locks(id TaskID, locks []ObjID) []ObjID {
	k := m.tasks[id]
	for i := range k.held {
		if h := &k.held[i]; h.how == exclusive && h.o.wait != anywhere && h.o.holder == k {
			locks = append(locks, h.o.id)
		}
	}
	return locks
}

// BornIn is the step in which a task was spawned, -1 if that was before the first
// one. It says false if the task was not spawned in this execution, and means
// something only if the machine keeps up with its states.
func (m *Machine) BornIn(id TaskID) (step int, ok bool) {
	k := m.tasks[id]
	if k == nil {
		return notBorn, false
	}
	return k.bornIn, k.bornIn != notBorn
}

// notBorn is the step in which no task was spawned.
const notBorn = -2

// hasBits says whether the bits of a T tell its values apart.
func hasBits(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array:
		return hasBits(t.Elem())
	case reflect.Bool, reflect.String,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return true
	}
	return false
}
