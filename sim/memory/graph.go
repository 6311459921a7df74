package memory

import "slices"

// What an event reads from if it is not another event.
const (
	nothing = -2 // it does not read
	initial = -1 // the first value of the location
)

// event is what is known of one event.
type event struct {
	node  *node
	task  int
	loc   int
	value int64 // what a store writes, or a load reads
	from  int   // which store a load reads from
	rmw   int   // of the store of an RMW, its load; otherwise -1
	// What order it in its task, for loads that wait; see ordered.
	fences fences
	deps   uint64
}

// sets are the events by kind. The names are those of the model's published text: R,
// W and M are loads, stores and both; LKR, LKW and UL, here lockR, lockW and ul, are
// the events of spin locks.
type sets struct {
	all, R, W, plain  set
	acquire, release  set
	noReturn          set
	lockR, lockW, ul  set
	srcuLock, srcuUnl set
	sync, syncSRCU    set // synchronize_rcu and _srcu
	locked            set // what x86 does with a lock prefix
	fresh             set // since the last check
	sections          int
}

// M is the set of memory accesses.
func (s *sets) M() set { return s.R | s.W }

// marked is the set of all events but plain accesses.
func (s *sets) marked() set { return s.all &^ s.plain }

// section is a read-side critical section of RCU or SRCU.
type section struct {
	lock, unlock int
	srcu         bool
}

// graph is a partial execution graph. Every task has a range of numbers for its
// events, so what is known of a task alone needs no more than a shift.
type graph struct {
	sets
	model   Model
	base    []int // the first event of each task
	tasks   []set // the range of each task
	event   [maxEvents]event
	section [maxEvents]section

	// What follows from program order, dependencies, rf and barriers; the rows of
	// an event hold once it is there.
	po, mb, gp, rmb, wmb, poRel, acqPo relation
	unlockLock                         relation // po-unlock-lock-po
	addr, data, ctrl                   relation // carried through plain stores and loads of the task too
	direct                             relation // data without these
	tso                                relation // what x86 keeps of program order
	rf                                 relation // without stores that are not there yet

	co       [][]int // the stores to each location, in coherence order
	first    []int64 // the initial values
	readers  [maxEvents]set
	end      []*node // where each task has ended, in a complete graph
	initials []set   // the readers of the initial values

	// What follows from co: made new by orders for each check.
	coRow, fr relation
}

// value is what a load reads from a store.
func (g *graph) value(store, loc int) int64 {
	if store == initial {
		return g.first[loc]
	}
	return g.event[store].value
}

// add puts an event at the end of its task, and fills its rows. Its kind has been
// added to the sets.
func (g *graph) add(e, task int, n *node, f fences, from int) *event {
	ev := &g.event[e]
	*ev = event{node: n, task: task, loc: n.loc, from: from, rmw: -1, fences: f}
	base, own := g.base[task], one(e)
	before := (low(e) &^ low(base)) & g.all
	upTo := func(n uint8) set { return before & low(base+int(n)) }
	g.all |= own
	g.po[e], g.gp[e] = before, upTo(f.gp)
	g.mb[e], g.rmb[e], g.wmb[e], g.poRel[e], g.acqPo[e], g.tso[e] = 0, 0, 0, 0, 0, 0
	g.rf[e], g.unlockLock[e] = 0, 0

	switch {
	case from >= 0:
		g.readers[from] |= own
		g.rf[e] = one(from) & g.all
	case from == initial:
		g.initials[n.loc] |= own
	}
	for early := g.readers[e] & g.all; early != 0; { // the store was predicted
		g.rf[early.take()] |= own
	}
	g.unlockLock[e] = g.handovers(before & g.lockR)
	if M := g.M(); M.has(e) {
		before := before & M
		g.mb[e] = (upTo(f.mb) | g.handovers(upTo(f.unlockLock)&g.lockR)) & M
		g.acqPo[e] = before & g.acquire
		g.rmb[e] = upTo(f.rmb) & g.R &^ g.noReturn
		g.wmb[e] = upTo(f.wmb) & g.W
		if !g.R.has(e) || g.noReturn.has(e) {
			g.rmb[e] = 0
		}
		if !g.W.has(e) {
			g.wmb[e] = 0
		}
		if g.release.has(e) {
			g.poRel[e] = before
		}
		g.tso[e] = before
		if g.R.has(e) && !g.locked.has(e) {
			g.tso[e] = before&g.R | upTo(f.tso)&M
		}
	}
	return ev
}

// depend fills the rows of dependencies of an event.
func (g *graph) depend(e, task int, addr, data, ctrl uint64) {
	base := g.base[task]
	g.event[e].deps = addr | data | ctrl
	g.direct[e] = set(data) << base
	g.addr[e] = g.carry(set(addr)<<base, task)
	g.data[e] = g.carry(set(data)<<base, task)
	g.ctrl[e] = g.carry(set(ctrl)<<base, task)
}

// carry adds to a set of loads those whose value they have through a store of their
// own task: carry-dep.
func (g *graph) carry(loads set, task int) set {
	all := loads
	for m := loads; m != 0; {
		all |= g.data.before(g.rf[m.take()] & g.tasks[task] & g.all &^ g.srcuUnl)
	}
	return all
}

// handovers is po-unlock-lock-po up to some events LKR: what comes before an unlock
// from which the lock was taken, or which the task did before.
func (g *graph) handovers(locks set) set {
	var all set
	for locks != 0 {
		l := locks.take()
		all |= g.po.before((g.po[l] | g.rf[l]) & g.ul)
	}
	return all
}

// forget takes back what add did outside of the rows of an event and the sets.
func (g *graph) forget(e int) {
	for early := g.readers[e]; early != 0; {
		g.rf[early.take()] &^= one(e)
	}
	switch ev := &g.event[e]; {
	case ev.from >= 0:
		g.readers[ev.from] &^= one(e)
	case ev.from == initial:
		g.initials[ev.loc] &^= one(e)
	}
}

// closeSection notes a critical section that an unlock ends.
func (g *graph) closeSection(lock, unlock int, srcu bool) {
	g.section[g.sections] = section{lock, unlock, srcu}
	g.sections++
}

// closeSRCU finds the srcu_read_lock whose value reached an srcu_read_unlock, in
// registers or through stores and loads of any task.
func (g *graph) closeSRCU(unlock int) {
	var seen set
	todo := g.direct[unlock]
	for todo != 0 {
		e := todo.take()
		if seen.has(e) {
			continue
		}
		seen |= one(e)
		if g.srcuLock.has(e) && g.event[e].loc == g.event[unlock].loc {
			g.closeSection(e, unlock, true)
			continue
		}
		todo |= g.direct.before(g.rf[e]&g.all&^g.srcuUnl) &^ seen
	}
}

// insert places a store in the coherence order of its location.
func (g *graph) insert(e, place int) {
	loc := g.event[e].loc
	g.co[loc] = slices.Insert(g.co[loc], place, e)
}

// remove takes a store out of the coherence order of its location.
func (g *graph) remove(e int) {
	loc := g.event[e].loc
	i := slices.Index(g.co[loc], e)
	g.co[loc] = slices.Delete(g.co[loc], i, i+1)
}

// last is the last store to a location in coherence order.
func (g *graph) last(loc int) int {
	if n := len(g.co[loc]); n > 0 {
		return g.co[loc][n-1]
	}
	return initial
}

// orders fills coRow and fr from the lists.
func (g *graph) orders() {
	for m := g.all; m != 0; {
		e := m.take()
		g.coRow[e], g.fr[e] = 0, 0
	}
	for loc, list := range g.co {
		stores, readers := set(0), g.initials[loc]
		for _, w := range list {
			g.coRow[w], g.fr[w] = stores, readers
			stores |= one(w)
			readers |= g.readers[w]
		}
	}
}

// coherent checks the axioms coherence, acyclic (po-loc | rf | co | fr), and atomic,
// empty (rmw & (fre ; coe)), for one location: along each task, positions in the
// coherence order must not go back, and must go on at stores.
func (g *graph) coherent(loc int) bool {
	list := g.co[loc]
	var place [maxEvents]int8
	for i, w := range list {
		place[w] = int8(i + 1)
		if r := g.event[w].rmw; r >= 0 {
			from := g.event[r].from
			switch {
			case from == initial && i != 0,
				from >= 0 && g.all.has(from) && (i == 0 || list[i-1] != from):
				return false
			}
		}
	}
	for _, range_ := range g.tasks {
		at := int8(0)
		for m := range_ & g.M(); m != 0; {
			e := m.take()
			ev := &g.event[e]
			if ev.loc != loc {
				continue
			}
			p := int8(0)
			switch {
			case g.W.has(e):
				if p = place[e]; p <= at {
					return false
				}
			case ev.from >= 0:
				if !g.all.has(ev.from) {
					continue // it has no place yet
				}
				p = place[ev.from]
			}
			if p < at {
				return false
			}
			at = p
		}
	}
	return true
}
