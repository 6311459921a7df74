package graph

import (
	"slices"

	"trapline/sim/memory"
)

// Event is the number of an event, in the order in which they came.
type Event int32

// Initial stands for the store of the first value of a location, which is no event.
const Initial Event = -1

// MaxEvents bounds the events of a graph. Checking takes time with the cube of
// their number.
const MaxEvents = 4096

// Use says how a load, or a read-modify-write, accesses its location.
type Use struct {
	// Access marks a load.
	Access memory.Access
	// RMW says that it is a read-modify-write, with an order.
	RMW   bool
	Order memory.Order
	// Pointer says that what is read may be part of the address of later accesses.
	Pointer bool
}

// event is what is known of one event.
type event struct {
	task, loc int32
	from      Event // which store a load reads from
	rmw       Event // of the store of an RMW, its load; otherwise -1
	fences    fences
	late      bool // a load that does not read the newest store, or a store before others
}

// fences says how far back barriers reach from an event: up to which number.
type fences struct {
	mb, rmb, wmb int32
	unlockLock   int32
	tso          int32
	gp           Event // the last grace period, or -1
}

// task is what is kept of one.
type task struct {
	events   row
	fences   fences
	before   int32 // events before the last smp_mb__before_atomic
	lastRMW  int32 // and up to the last RMW, lock, and srcu_read_unlock
	lastLock int32
	lastSRCU int32
	open     []int // sections
}

// location is a word of memory.
type location struct {
	co     []Event // its stores, in coherence order
	events []Event // all that accesses it
}

// section is a read-side critical section. The event of its end is there from the
// beginning, behind all that its task does until the section is over.
type section struct {
	lock, unlock Event
	domain       int32
	over         bool
}

// Graph is a partial execution graph. The zero Graph is to be Reset first.
type Graph struct {
	model memory.Model
	n     int // events
	width int // words of a row
	room  int // events that there is room for

	events    []event
	tasks     []task
	locations []location
	used      []int32 // locations that have events
	sections  []section
	handed    bool    // a section has been ended by another task
	periods   []Event // grace periods

	po, rf   relation
	kinds    kinds
	tellings tellings
	late     int // events that are
	x        scratch
	full     bool
}

// kinds are the events by kind. The names are those of the model's published text: R
// and W are loads and stores; LKR, LKW and UL, here lockR, lockW and ul, are the
// events of locks.
type kinds struct {
	R, W, plain      row
	acquire, release row
	noReturn         row
	lockR, ul        row
	locked           row // what x86 does with a lock prefix
	pointer          row // loads whose value may be part of addresses
	sync             row // grace periods
	ends             row // the ends of sections
}

func (s *kinds) all() []*row {
	return []*row{&s.R, &s.W, &s.plain, &s.acquire, &s.release, &s.noReturn, &s.lockR, &s.ul, &s.locked, &s.pointer, &s.sync, &s.ends}
}

// Reset makes the graph empty.
func (g *Graph) Reset(m memory.Model) {
	g.model, g.n, g.full = m, 0, false
	g.events = g.events[:0]
	for i := range g.tasks {
		t := &g.tasks[i]
		clear(t.events)
		*t = task{events: t.events, fences: fences{gp: -1}, open: t.open[:0]}
	}
	for _, l := range g.used {
		loc := &g.locations[l]
		loc.co, loc.events = loc.co[:0], loc.events[:0]
	}
	g.used, g.sections, g.periods, g.handed = g.used[:0], g.sections[:0], g.periods[:0], false
	for _, s := range g.kinds.all() {
		clear(*s)
	}
	clear(g.po.bits)
	clear(g.rf.bits)
	g.tellings.reset()
	g.late = 0
	if g.room == 0 {
		g.widen(1)
	}
}

// Full says that the graph has no room for more events, which ends the execution.
func (g *Graph) Full() bool { return g.full }

// Len is the number of events.
func (g *Graph) Len() int { return g.n }

// widen makes rows wider.
func (g *Graph) widen(width int) {
	old := g.width
	g.width, g.room = width, 64*width
	for _, s := range g.kinds.all() {
		*s = g.wider(*s)
	}
	for i := range g.tasks {
		g.tasks[i].events = g.wider(g.tasks[i].events)
	}
	g.rewrite(&g.po, old, g.n)
	g.rewrite(&g.rf, old, g.n)
	g.tellings.widen(g, old)
}

// wider is a set in a row of the width that rows have now.
func (g *Graph) wider(s row) row {
	t := make(row, g.width)
	copy(t, s)
	return t
}

// rewrite makes the rows of n events as wide as they are now.
func (g *Graph) rewrite(r *relation, old, n int) {
	was := relation{old, r.bits}
	r.bits = nil
	r.size(g.room, g.width)
	for e := range n {
		copy(r.at(e), was.at(e))
	}
}

func (g *Graph) task(t int) *task {
	for len(g.tasks) <= t {
		g.tasks = append(g.tasks, task{events: make(row, g.width), fences: fences{gp: -1}})
	}
	return &g.tasks[t]
}

func (g *Graph) location(loc int) *location {
	for len(g.locations) <= loc {
		g.locations = append(g.locations, location{})
	}
	return &g.locations[loc]
}

// add puts an event at the end of its task.
func (g *Graph) add(t, loc int, f fences, from Event) Event {
	if g.n == g.room {
		g.widen(2 * g.width)
	}
	if g.n >= MaxEvents-4 {
		g.full = true
	}
	e := g.n
	g.n++
	g.events = append(g.events, event{task: int32(t), loc: int32(loc), from: from, rmw: -1, fences: f})
	own := g.task(t)
	po, rf := g.po.at(e), g.rf.at(e)
	copy(po, own.events)
	clear(rf)
	if from >= 0 {
		rf.add(int(from))
	}
	own.events.add(e)
	for _, s := range own.open {
		g.po.at(int(g.sections[s].unlock)).add(e)
	}
	if loc >= 0 {
		l := g.location(loc)
		if len(l.events) == 0 {
			g.used = append(g.used, int32(loc))
		}
		l.events = append(l.events, Event(e))
	}
	return Event(e)
}

// pop takes the last event back.
func (g *Graph) pop() {
	g.n--
	e := g.n
	ev := &g.events[e]
	g.untimely(e, false)
	own := &g.tasks[ev.task]
	own.events.remove(e)
	for _, s := range own.open {
		g.po.at(int(g.sections[s].unlock)).remove(e)
	}
	if ev.loc >= 0 {
		l := &g.locations[ev.loc]
		l.events = l.events[:len(l.events)-1]
		if len(l.events) == 0 {
			g.used = g.used[:len(g.used)-1]
		}
		if g.kinds.W.has(e) {
			if i := slices.Index(l.co, Event(e)); i >= 0 {
				l.co = slices.Delete(l.co, i, i+1)
			}
		}
	}
	for _, s := range g.kinds.all() {
		s.remove(e)
	}
	g.events = g.events[:e]
}

// Last is the last store to a location in coherence order.
func (g *Graph) Last(loc int) Event {
	if loc < len(g.locations) {
		if co := g.locations[loc].co; len(co) > 0 {
			return co[len(co)-1]
		}
	}
	return Initial
}

// After lists the stores that come after one in coherence order.
func (g *Graph) After(loc int, w Event) []Event {
	if loc >= len(g.locations) {
		return nil
	}
	co := g.locations[loc].co
	return co[slices.Index(co, w)+1:]
}

// load puts a load into the graph.
func (g *Graph) load(t, loc int, u Use, f fences, from Event, writes bool) Event {
	late := from != g.Last(loc)
	r := g.add(t, loc, f, from)
	e := int(r)
	g.untimely(e, late)
	s := &g.kinds
	s.R.add(e)
	if u.Pointer {
		s.pointer.add(e)
	}
	if u.RMW {
		s.locked.add(e)
		switch {
		case u.Order == memory.AcquireRMW && writes:
			s.acquire.add(e)
		case u.Order == memory.Void:
			s.noReturn.add(e)
		}
		return r
	}
	switch u.Access {
	case memory.Plain:
		s.plain.add(e)
	case memory.Acquire:
		s.acquire.add(e)
	}
	return r
}

// store puts a store into the graph, at a place in the coherence order.
func (g *Graph) store(t, loc int, f fences, place int) Event {
	w := g.add(t, loc, f, Initial)
	g.kinds.W.add(int(w))
	l := &g.locations[loc]
	g.untimely(int(w), place < len(l.co))
	l.co = slices.Insert(l.co, place, w)
	return w
}

// untimely says whether an event is late.
func (g *Graph) untimely(e int, late bool) {
	ev := &g.events[e]
	if ev.late {
		g.late--
	}
	if ev.late = late; late {
		g.late++
	}
}

// rmw puts a read-modify-write into the graph; the store, if there is one, directly
// behind the one that it reads.
func (g *Graph) rmw(t, loc int, u Use, from Event, writes bool) (r, w Event) {
	own := g.task(t)
	f := own.fences
	f.mb = max(f.mb, own.before)
	if writes && u.Order == memory.Full {
		f.mb = int32(g.n)
	}
	r = g.load(t, loc, u, f, from, writes)
	if !writes {
		return r, -1
	}
	place := 0
	if from >= 0 {
		place = slices.Index(g.locations[loc].co, from) + 1
	}
	w = g.store(t, loc, f, place)
	g.events[w].rmw = r
	g.kinds.locked.add(int(w))
	if u.Order == memory.ReleaseRMW {
		g.kinds.release.add(int(w))
	}
	return r, w
}

// Load adds a load that reads from a store.
func (g *Graph) Load(t, loc int, u Use, from Event) Event {
	return g.load(t, loc, u, g.task(t).fences, from, false)
}

// Store adds a store, at a place in the coherence order that Places has named.
func (g *Graph) Store(t, loc int, a memory.Access, place int) Event {
	w := g.store(t, loc, g.task(t).fences, place)
	g.mark(w, a)
	return w
}

func (g *Graph) mark(w Event, a memory.Access) {
	switch a {
	case memory.Plain:
		g.kinds.plain.add(int(w))
	case memory.Release:
		g.kinds.release.add(int(w))
	}
}

// RMW adds a read-modify-write that reads from a store, and says which event is its
// own store, or -1.
func (g *Graph) RMW(t, loc int, u Use, from Event, writes bool) (r, w Event) {
	r, w = g.rmw(t, loc, u, from, writes)
	own := g.task(t)
	own.fences.mb = max(own.fences.mb, own.before)
	here := int32(g.n)
	if writes && u.Order == memory.Full {
		own.fences.mb = here
	}
	own.fences.tso, own.lastRMW = here, here
	return r, w
}

// Fence notes how far a barrier reaches.
func (g *Graph) Fence(t int, f memory.Fence) {
	own, here := g.task(t), int32(g.n)
	fs := &own.fences
	switch f {
	case memory.Mb:
		fs.mb, fs.tso = here, here
	case memory.Wmb:
		fs.wmb = here
	case memory.Rmb:
		fs.rmb = here
	case memory.BeforeAtomic:
		own.before = here
	case memory.AfterAtomic:
		fs.mb = max(fs.mb, own.lastRMW)
	case memory.AfterSpinlock:
		fs.mb = max(fs.mb, own.lastLock)
	case memory.AfterUnlockLock:
		fs.unlockLock = here
	case memory.AfterSRCUReadUnlock:
		fs.mb, fs.tso = max(fs.mb, own.lastSRCU), here
	}
}

// Lock adds the events of taking a lock, and returns the first of them, the load.
func (g *Graph) Lock(t, loc int) Event {
	own := g.task(t)
	place := 0
	if loc < len(g.locations) {
		place = len(g.locations[loc].co)
	}
	r := g.add(t, loc, own.fences, g.Last(loc))
	s := &g.kinds
	s.R.add(int(r))
	s.lockR.add(int(r))
	s.acquire.add(int(r))
	s.locked.add(int(r))
	w := g.store(t, loc, own.fences, place)
	g.events[w].rmw = r
	s.locked.add(int(w))
	own.lastLock, own.fences.tso = int32(g.n), int32(g.n)
	return r
}

// Unlock adds the event of releasing one.
func (g *Graph) Unlock(t, loc int) {
	w := g.store(t, loc, g.task(t).fences, len(g.locations[loc].co))
	g.kinds.ul.add(int(w))
	g.kinds.release.add(int(w))
}

// Send adds a release that anything may receive.
func (g *Graph) Send(t int) Event {
	w := g.add(t, -1, g.task(t).fences, Initial)
	s := &g.kinds
	s.W.add(int(w))
	s.release.add(int(w))
	s.locked.add(int(w))
	g.task(t).fences.tso = int32(g.n)
	return w
}

// Receive adds an acquire of what was sent in some events.
func (g *Graph) Receive(t int, from []Event) Event {
	r := g.add(t, -1, g.task(t).fences, Initial)
	s := &g.kinds
	s.R.add(int(r))
	s.acquire.add(int(r))
	s.locked.add(int(r))
	for _, w := range from {
		g.rf.at(int(r)).add(int(w))
	}
	g.task(t).fences.tso = int32(g.n)
	return r
}

// ReceiveMore adds to what an acquire has received.
func (g *Graph) ReceiveMore(r Event, from []Event) {
	for _, w := range from {
		g.rf.at(int(r)).add(int(w))
	}
}

// Begin begins a read-side critical section of a domain, and returns what End wants.
func (g *Graph) Begin(t int, domain int) int {
	f := g.task(t).fences
	lock := g.add(t, -1, f, Initial)
	unlock := g.add(t, -1, f, Initial)
	own := &g.tasks[t]
	own.events.remove(int(unlock))
	g.kinds.ends.add(int(unlock))
	id := len(g.sections)
	g.sections = append(g.sections, section{lock: lock, unlock: unlock, domain: int32(domain)})
	own.open = append(own.open, id)
	return id
}

// End ends a section. Another task than the one that began it may do so: the first
// one has handed it over.
func (g *Graph) End(t, id int) {
	s := &g.sections[id]
	s.over = true
	first := int(g.events[s.unlock].task)
	own := &g.tasks[first]
	own.open = slices.DeleteFunc(own.open, func(o int) bool { return o == id })
	last := g.task(t)
	if first != t {
		g.handed = true
		g.po.at(int(s.unlock)).or(last.events)
	}
	last.events.add(int(s.unlock))
	last.lastSRCU = int32(g.n)
}

// Wait adds a grace period of a domain.
func (g *Graph) Wait(t, domain int) {
	own := g.task(t)
	f := own.fences
	f.gp, f.tso = Event(g.n), int32(g.n)
	e := g.add(t, -1, f, Initial)
	g.events[e].loc = -2 - int32(domain)
	g.kinds.sync.add(int(e))
	g.periods = append(g.periods, e)
	own = &g.tasks[t]
	own.fences.gp, own.fences.tso = e, int32(g.n)
}

// Append adds a store at the end of the coherence order.
func (g *Graph) Append(t, loc int, a memory.Access) Event {
	return g.Store(t, loc, a, len(g.location(loc).co))
}

// From is the store that an access reads from, or itself if it is a store.
func (g *Graph) From(e Event) Event {
	if g.kinds.W.has(int(e)) {
		return e
	}
	return g.events[e].from
}

// Newest is the first of Sources: what an access reads that has no choice.
func (g *Graph) Newest(t, loc int, u Use) Event {
	l := g.location(loc)
	if g.confined(t) && !g.noNews(t, g.Last(loc)) {
		for i, floor := len(l.co), g.floor(t, l, g.knows(t, false)); i >= floor; i-- {
			from := Initial
			if i > 0 {
				from = l.co[i-1]
			}
			if g.tryLoad(t, loc, u, from, true) {
				return from
			}
			l = &g.locations[loc]
		}
	}
	return g.Last(loc)
}

// Task is the task of an event.
func (g *Graph) Task(e Event) int { return int(g.events[e].task) }

// Interleaves says whether an interleaving of the tasks explains the graph.
func (g *Graph) Interleaves() bool { return g.consistentSC(g.begin()) }

// Why says why a store need not be visible to a load that reads an older one.
func (g *Graph) Why() string {
	switch {
	case g.Interleaves():
		return "it comes after the load"
	case g.model == memory.TSO:
		return "it may still have been in the store buffer of its CPU"
	}
	return "nothing orders it, or what told of it, before the load"
}
