package sim

import (
	"trapline/sim/graph"
	"trapline/sim/memory"
)

// With Machine.Memory other than SC the words of memory have no single present value.
// The machine keeps the execution graph of what its tasks have done (package graph): a
// load chooses, among the stores that are there, one that the model lets it read, and
// a store its place in the coherence order. Both are choices of a value by the
// strategy (=1@4 in a schedule), of which 0 is the newest store, and the end of the
// order: with no other choice the execution is sequentially consistent. Only what the
// model allows is offered, so no execution comes to a dead end for it.
//
// What is an event of the graph:
//
//	marked accesses, bit operations, atomic operations   loads, stores and RMWs with
//	                                                      the order of their form
//	Cell, Bitfield and Data                               plain loads and stores
//	smp_mb and its like                                   barriers
//	mutexes and spinlocks                                 the lock and unlock events of
//	                                                      the kernel's model
//	readers of RCU and SRCU, grace periods                the events of its axiom rcu
//	sleeping, waking, spawning                            full barriers, and whoever is
//	                                                      woken knows what came before
//	all other steps that use an object                    acquire and release: whoever
//	                                                      uses it knows what came before
//	                                                      its changes, and whoever changes
//	                                                      it what came before all uses
//	memory that is freed                                  a plain store that every use
//	                                                      reads, or need not have read
//
// Plain accesses are no steps, as ever, and read and write what is newest. Where that
// is not the only possibility there is a data race, which is reported; the graph tells
// at the end of the execution, because until then something may still order the two.
//
// A grace period is not a wait here, but an axiom: accesses must not be ordered
// against it. What an execution cannot show therefore is somebody who waits for a
// reader for ever; that is a question for SC.

// weak is what a machine keeps of memory when its model is not SC.
type weak struct {
	graph   graph.Graph
	version int         // changes when options may
	sent    []published // by ObjID
	// By event: the step that it belongs to, and, for plain accesses, more.
	steps  []int32
	plains []plainAccess
	acted  []int // by thread: the events when it last did something but a plain load
	places []int
	writes []Written
	memo   memo
}

// published are the events that steps on an object have sent since it was last changed,
// by their mode. A change is received by all, an addition by those who do not add
// themselves, and a look by changes.
type published [3][]graph.Event

func (p *published) reset() {
	for i := range p {
		p[i] = p[i][:0]
	}
}

// plainAccess is a plain access that a race may concern.
type plainAccess struct {
	event graph.Event
	data  *Data
	life  *Life
	what  string // is used of the life
	a     access
}

// Written is a store to a word of memory that a step has made, or may make.
type Written struct {
	Task TaskID
	// Step counts the steps of the task before.
	Step int
	Obj  ObjID
}

// memoryStep is what the pending step of a task does to memory.
type memoryStep struct {
	o       *Object
	use     graph.Use
	loads   bool
	stores  bool
	writes  func(graph.Event) bool // of an RMW that may fail
	accepts func(graph.Event) bool // of a load that waits for a value
	sources []graph.Event
	spare   []graph.Event
	version int // of sources
}

func (w *weak) reset(m *Machine) {
	w.graph.Reset(m.Memory)
	w.version = 1
	for i := range w.sent {
		w.sent[i].reset()
	}
	clear(w.plains)
	clear(w.acted)
	w.steps, w.plains, w.writes = w.steps[:0], w.plains[:0], w.writes[:0]
}

// prepareMemory makes the machine ready for its model.
func (m *Machine) prepareMemory() {
	if m.Memory == memory.SC {
		m.weak = nil
		return
	}
	if m.weak == nil {
		m.weak = &weak{}
	}
	m.weak.reset(m)
}

// thread is the number of k in the graph. What runs on a CPU that is shared, or
// interrupted, is one thread there, as program order goes: a handler sees what its CPU
// has stored, and the code that it interrupts goes on behind it.
func (k *K) thread() int {
	if k.c == nil || k.c.many {
		return int(k.id)
	}
	return int(k.c.thread)
}

// did notes that a thread did something else than to load plain data.
func (w *weak) did(k *K) {
	t := k.thread()
	for len(w.acted) <= t {
		w.acted = append(w.acted, 0)
	}
	w.acted[t] = w.graph.Len()
}

// by is the task that an event is of.
func (m *Machine) by(e graph.Event) *K {
	step := len(m.events) - 1 // the step under way, if the event is as new as that
	if int(e) < len(m.weak.steps) {
		step = int(m.weak.steps[e])
	}
	return m.tasks[m.events[step].Task]
}

// stepped notes that new events belong to the step being taken.
func (w *weak) stepped(k *K) {
	for len(w.steps) < w.graph.Len() {
		w.steps = append(w.steps, int32(k.m.taken-1))
	}
	w.did(k)
	if w.graph.Full() {
		k.m.outcome.Cut = true
		k.m.aborting = true
		panic(errUnwind)
	}
}

// changed is stepped for events that concern others.
func (w *weak) changed(k *K) {
	w.version++
	w.stepped(k)
}

// begin takes the step of an access to memory.
func (k *K) memoryStep(op Op, o *Object, mode Mode, wait Wait, s memoryStep) {
	s.sources, s.spare = k.mem.sources[:0], k.mem.spare[:0]
	s.o = o
	k.mem, k.inMemory = s, true
	k.StepWait(op, o, mode, wait)
	k.inMemory = false
	if s.stores {
		w := k.m.weak
		w.writes = append(w.writes, Written{k.id, k.steps - 1, o.id})
	}
}

// sources lists the stores from which the pending load of k may read.
func (k *K) sources() []graph.Event {
	s, w := &k.mem, k.m.weak
	if s.version == w.version {
		return s.sources
	}
	s.version = w.version
	s.sources = append(s.sources[:0], w.ask(k, whichSources, s.o, func() []graph.Event {
		s.spare = w.graph.Sources(k.thread(), int(s.o.id), s.use, s.writes, s.spare)
		return s.spare
	})...)
	if s.accepts != nil {
		n := 0
		for _, e := range s.sources {
			if s.accepts(e) {
				s.sources[n] = e
				n++
			}
		}
		s.sources = s.sources[:n]
	}
	return s.sources
}

// source chooses from which store the step being taken reads.
func (k *K) source() graph.Event {
	all := k.sources()
	switch len(all) {
	case 0:
		k.m.outcome.Abandoned = true
		k.m.aborting = true
		panic(errUnwind)
	case 1:
		return all[0]
	}
	if k.m.trial.k != nil {
		return k.sameSource(all)
	}
	return all[k.m.option(k, len(all))]
}

// sameSource is the store that the task has read before, if it may: what is on trial is
// whether a loop ends although nothing new is seen.
func (k *K) sameSource(all []graph.Event) graph.Event {
	for i := len(k.looks) - 1; i >= 0; i-- {
		if k.looks[i].obj != k.mem.o.id {
			continue
		}
		for _, e := range all {
			if seenAs(e) == k.looks[i].version {
				return e
			}
		}
		break
	}
	return all[0]
}

// option is value for a choice that memory leaves to the step being taken.
func (m *Machine) option(k *K, n int) int {
	if m.trial.k != nil {
		return 0
	}
	i := m.value(k, n)
	e := &m.events[len(m.events)-1]
	e.Choice, e.Choices = int16(i), int16(n)
	m.hash = mix(m.hash, uint64(i)+1)
	return i
}

// weakLoad is a step that loads from a word, and returns the store that it reads. If
// accepts is not nil, it waits for a store that will do.
func (k *K) weakLoad(op Op, o *Object, u graph.Use, accepts func(graph.Event) bool) graph.Event {
	w := k.m.weak
	if k.setup || k.m.aborting {
		return k.weakPeek(o)
	}
	wait := k.around(o)
	switch {
	case accepts != nil:
		wait = Awaiting
		k.could = func(int) (bool, int) { return len(k.sources()) > 0, 0 }
	case wait == Spinning:
		accepts = k.news(o)
	}
	k.memoryStep(op, o, Read, wait, memoryStep{use: u, loads: true, accepts: accepts})
	from := k.source()
	w.graph.Load(k.thread(), int(o.id), u, from)
	w.stepped(k) // a load changes the options of its own task only
	k.saw0(o, from)
	return from
}

// weakPeek is what the setup and the final check read: the last store.
func (k *K) weakPeek(o *Object) graph.Event {
	if k.m.aborting && !k.setup {
		panic(errUnwind)
	}
	return k.m.weak.graph.Last(int(o.id))
}

// news accepts what a task that goes round a loop has not seen of a word. A loop that
// looks at several words may see any of them unchanged.
func (k *K) news(o *Object) func(graph.Event) bool {
	for i := range k.loop {
		if k.loop[i].obj != o.id {
			return nil
		}
	}
	seen := k.loop[len(k.loop)-1].version
	return func(e graph.Event) bool { return seenAs(e) != seen }
}

// seenAs is a store as a look has it.
func seenAs(e graph.Event) uint32 { return uint32(e + 1) }

// saw0 enters a load into what a task has looked at since it did anything else.
func (k *K) saw0(o *Object, from graph.Event) {
	k.looked(o, Read, uint64(from+2))
	k.looks[len(k.looks)-1].version = seenAs(from)
	k.staleness(o, from)
}

// weakStore is a step that stores to a word, and returns its event.
func (k *K) weakStore(op Op, o *Object, a memory.Access) graph.Event {
	w := k.m.weak
	k.memoryStep(op, o, Write, 0, memoryStep{stores: true})
	places := w.ask(k, whichPlaces, o, func() []graph.Event {
		w.places = w.graph.Places(k.thread(), int(o.id), a, w.places)
		all := make([]graph.Event, len(w.places))
		for i, place := range w.places {
			all[i] = graph.Event(place)
		}
		return all
	})
	if len(places) == 0 {
		k.m.outcome.Abandoned = true
		k.m.aborting = true
		panic(errUnwind)
	}
	place := places[0]
	if len(places) > 1 {
		n := len(places)
		place = places[k.m.option(k, n)]
		if place != places[0] && k.Tracing() {
			k.Note("(before %d newer)", places[0]-place)
		}
	}
	e := w.graph.Store(k.thread(), int(o.id), a, int(place))
	k.wrote(o)
	return e
}

// wrote ends a store.
func (k *K) wrote(o *Object) {
	w := k.m.weak
	k.m.objects[o.id].version = seenAs(w.graph.Last(int(o.id)))
	k.lookStep = -1
	w.changed(k)
}

// weakRMW is a step that reads and writes a word in one. effect says of the stores
// that it may read whether it writes then, and whether that changes the value. It
// returns the store read and its own, or -1.
func (k *K) weakRMW(op Op, o *Object, order memory.Order, effect func(from graph.Event) (writes, changes bool)) (from, own graph.Event) {
	w := k.m.weak
	u := graph.Use{RMW: true, Order: order}
	var accepts func(graph.Event) bool
	writes := func(e graph.Event) bool {
		does, _ := effect(e)
		return does
	}
	wait := k.around(o)
	if wait == Spinning {
		accepts = k.news(o)
	}
	k.memoryStep(op, o, Write, wait, memoryStep{use: u, loads: true, stores: true, writes: writes, accepts: accepts})
	from = k.source()
	does, changes := effect(from)
	_, own = w.graph.RMW(k.thread(), int(o.id), u, from, does)
	if !does {
		w.stepped(k)
		k.saw0(o, from)
		return from, own
	}
	k.staleness(o, from)
	was := k.lookStep
	k.wrote(o)
	if !changes { // one who does so again and again spins
		k.lookStep = was
		k.looked(o, Read, 0)
		k.looks[len(k.looks)-1].version = seenAs(own)
	}
	return from, own
}

// fence is a barrier.
func (k *K) fence(f memory.Fence) {
	if w := k.m.weak; w != nil && !k.setup && !k.m.aborting {
		w.graph.Fence(k.thread(), f)
		w.version++
		w.did(k)
	}
}

// synchronise gives the use of an object that is no word the order that its users
// rely on.
func (w *weak) synchronise(k *K, o *Object, mode Mode) {
	info := &k.m.objects[o.id]
	if k.setup || k.inMemory || info.ordered != byObject && info.ordered != fully {
		return
	}
	for len(w.sent) <= int(o.id) {
		w.sent = append(w.sent, published{})
	}
	p, t := &w.sent[o.id], k.thread()
	if info.ordered == fully {
		w.graph.Fence(t, memory.Mb)
	}
	r := w.graph.Receive(t, p[Write])
	if mode != Add {
		w.graph.ReceiveMore(r, p[Add])
	}
	if mode == Write {
		w.graph.ReceiveMore(r, p[Read])
		p.reset()
	}
	w.mustBeConsistent(k, r)
	p[mode] = append(p[mode], w.graph.Send(t))
	if info.ordered == fully {
		w.graph.Fence(t, memory.Mb)
	}
	w.changed(k)
}

// mustBeConsistent gives the execution up if an acquire has let a task know, in a
// critical section, what a grace period keeps from it.
func (w *weak) mustBeConsistent(k *K, r graph.Event) {
	if !w.graph.Confined(k.thread()) || !w.graph.News(r) {
		return
	}
	if len(w.ask(k, isConsistent, nil, func() []graph.Event {
		if w.graph.Consistent() {
			return []graph.Event{graph.Initial}
		}
		return nil
	})) == 0 {
		k.m.outcome.Abandoned = true
		k.m.aborting = true
		panic(errUnwind)
	}
}

// ordering says by what the order of the steps on an object is known.
type orderedBy uint8

const (
	byObject orderedBy = iota
	fully              // with full barriers
	asLock             // by lock events
	asPlain            // not at all: plain data, and the lives of objects
	byAxiom            // by that of RCU
)

// orderedBy says so of an object.
func (k *K) orderedBy(o *Object, by orderedBy) { k.m.objects[o.id].ordered = by }

// unordered says that the order of the steps on an object does not matter, because
// there is an axiom instead.
func (m *Machine) unordered(o *Object) bool {
	return m.weak != nil && m.objects[o.id].ordered == byAxiom
}

// locks adds the events of taking a lock.
func (k *K) locks(o *Object) {
	if w := k.m.weak; w != nil && !k.setup {
		w.mustBeConsistent(k, w.graph.Lock(k.thread(), int(o.id)))
		w.changed(k)
	}
}

// unlocks adds the event of releasing it.
func (k *K) unlocks(o *Object) {
	if w := k.m.weak; w != nil && !k.setup && !k.m.aborting {
		if w.graph.Last(int(o.id)) == graph.Initial {
			return // the setup holds it
		}
		w.graph.Unlock(k.thread(), int(o.id))
		w.changed(k)
	}
}

// bear hands what the parent knows to a task that it spawns.
func (w *weak) bear(parent, k *K) {
	w.graph.Fence(parent.thread(), memory.Mb)
	e := w.graph.Send(parent.thread())
	w.graph.Fence(parent.thread(), memory.Mb)
	w.graph.Receive(k.thread(), []graph.Event{e})
	w.graph.Fence(k.thread(), memory.Mb)
	w.changed(parent)
}

// domain is the number of a crowd among the domains of grace periods.
func (c *crowd) domain() int { return int(c.o.id) }
