package memory

import (
	"errors"
	"fmt"
)

// Program is what is explored.
type Program struct {
	// Tasks run concurrently.
	Tasks []Task
	// Init has the first values of locations by number; others begin with 0.
	Init map[int]int64
	// Locations is the number of locations. Those of spin locks, and of SRCU
	// domains, must not be loaded from or stored to.
	Locations int
	// Names are the names of locations, and are for Explain only. They may be missing.
	Names []string
	// Guesses are values that a task may compute though no load that it depends on has
	// ever returned them, as in "r = 1; if (x == 0) r = 0; y = r", where the if hides
	// that y has the value of x. With load buffering they are tried.
	Guesses []int64
}

// Options say how to explore a program.
type Options struct {
	// Model is the memory model.
	Model Model
	// LoadBuffering lets a load read from a store that depends on nothing that
	// the load's task did, though the store comes after the load in every order
	// of execution. Only LKMM has such executions.
	LoadBuffering bool
	// MaxExecutions bounds the number of executions; 0 is no bound. If it is
	// reached, the Coverage is not Complete.
	MaxExecutions int
}

// State is the end of one execution. It is valid during the call only.
type State struct {
	// Regs has the registers of each task, as far as they were set.
	Regs [][]int64
	// Mem has the value of the last store to each location in coherence order.
	Mem []int64
	// Race says that under LKMM two plain accesses, or a plain and a marked one,
	// race in this execution.
	Race bool

	graph *graph
	open  set   // the events whose values are open
	last  []int // the last store to each location, if there are such
}

// Coverage says what was explored.
type Coverage struct {
	// Executions is the number of complete consistent execution graphs.
	Executions int
	// Blocked counts the partial graphs in which no task could go on.
	Blocked int
	// Steps counts the events that were tried.
	Steps int
	// Complete says that no execution was left out.
	Complete bool
}

// errEnough ends an exploration that has reached its bound.
var errEnough = errors.New("bound reached")

// Explore calls f once for each complete consistent execution graph of the program.
// Executions in which a task waits for ever give no state.
func Explore(p Program, o Options, f func(*State)) (Coverage, error) {
	x, err := newExplorer(p, o, nil)
	if err != nil {
		return Coverage{}, err
	}
	x.report = f
	x.step()
	x.cover.Complete = x.err == nil && !(x.partial && o.LoadBuffering)
	if errors.Is(x.err, errEnough) {
		x.err = nil
	}
	return x.cover, x.err
}

// explorer walks the tree of choices. Which task goes next is fixed by the graph, so
// that a complete graph tells all the choices that lead to it.
type explorer struct {
	graph
	options Options
	table   *table
	partial bool // some tree is; then not all stores can be predicted
	task    []taskState
	offers  []int // stores that tasks which wait have not been offered yet
	offered int   // how many of them have been
	asked   int   // and how many tasks have been asked about the next one
	promise promises
	x       scratch
	state   State
	report  func(*State)
	cover   Coverage
	seen    map[string]bool // the executions with open values, by shape
	err     error
}

// taskState is where a task stands.
type taskState struct {
	node   *node
	end    int  // the number of its next event
	held   set  // the events that took the locks which it holds
	frozen bool // waits for a store that is not there yet
	later  *later
}

func newExplorer(p Program, o Options, extra [][]extraFence) (*explorer, error) {
	switch {
	case p.Locations > maxLocations:
		return nil, fmt.Errorf("%d locations; at most %d are possible", p.Locations, maxLocations)
	case len(p.Tasks) > maxEvents:
		return nil, fmt.Errorf("%d tasks; at most %d are possible", len(p.Tasks), maxEvents)
	case o.Model < SC || o.Model > LKMM:
		return nil, fmt.Errorf("no model %d", int(o.Model))
	}
	o.LoadBuffering = o.LoadBuffering && o.Model == LKMM
	rounds := 1
	if o.LoadBuffering {
		rounds = 2
	}
	x := &explorer{options: o, table: newTable(p, rounds, extra)}
	x.model = o.Model
	x.co = make([][]int, p.Locations)
	x.initials = make([]set, p.Locations)
	x.first = make([]int64, p.Locations)
	for loc := range p.Locations {
		x.first[loc] = p.Init[loc]
	}
	if err := x.layOut(); err != nil {
		return nil, err
	}
	x.state.Regs = make([][]int64, len(p.Tasks))
	x.state.Mem = make([]int64, p.Locations)
	x.end = make([]*node, len(p.Tasks))
	return x, nil
}

// layOut gives each task a range of numbers for its events. Tasks of which not all is
// known share what is left over.
func (x *explorer) layOut() error {
	total, partial := 0, 0
	for _, t := range x.table.trees {
		total += depth(t.root)
		if t.partial {
			partial++
		}
	}
	if total > maxEvents {
		return fmt.Errorf("an execution may have %d events; at most %d are possible", total, maxEvents)
	}
	left, at := maxEvents-total, 0
	for _, t := range x.table.trees {
		end := at + depth(t.root)
		if t.partial {
			end += left / partial
		}
		x.base = append(x.base, at)
		x.tasks = append(x.tasks, low(end)&^low(at))
		x.task = append(x.task, taskState{node: t.root, end: at})
		at = end
	}
	x.partial = partial > 0
	return nil
}

// step explores all that can follow the graph as it is, and leaves it as it was.
func (x *explorer) step() {
	offers, offered, asked := len(x.offers), x.offered, x.asked
	x.next()
	x.offers, x.offered, x.asked = x.offers[:offers], offered, asked
}

func (x *explorer) next() {
	if !x.offer() {
		return
	}
	done := true
	for t := range x.task {
		ts := &x.task[t]
		if ts.node.op == opEnd {
			continue
		}
		done = false
		if !ts.frozen {
			x.run(t)
			return
		}
	}
	switch {
	case done:
		x.complete()
	case x.options.LoadBuffering:
		x.predict()
	default:
		x.cover.Blocked++
	}
}

// offer lets the tasks that wait choose whether to read from stores that are new. It
// reports whether there is something left to explore when nobody takes them.
func (x *explorer) offer() bool {
	if x.offered == len(x.offers) {
		return true
	}
	declined := false
	for ; x.offered < len(x.offers); x.offered, x.asked = x.offered+1, 0 {
		w := x.offers[x.offered]
		for x.asked < len(x.task) && x.err == nil {
			t := x.asked
			x.asked++
			if ts := x.task[t]; ts.frozen && ts.node.loc == x.event[w].loc {
				declined = x.read(t, w) || declined
			}
		}
	}
	if x.err != nil || x.hopeful() {
		return x.err == nil
	}
	if !declined {
		x.cover.Blocked++
	}
	return false
}

// run explores what a task may do next.
func (x *explorer) run(t int) {
	n := x.task[t].node
	switch {
	case n.op == opError:
		x.err = fmt.Errorf("task %d: %s", t, n.message)
	case n.op.reads():
		x.read(t, initial)
		for i := 0; i < len(x.co[n.loc]) && x.err == nil; i++ {
			x.read(t, x.co[n.loc][i])
		}
		x.freeze(t)
	default:
		x.perform(t)
	}
}

// freeze lets a task wait for a store that is not there yet.
func (x *explorer) freeze(t int) {
	old := x.task[t]
	x.task[t].frozen = true
	if x.hopeful() && x.err == nil {
		x.step()
	}
	x.task[t] = old
}

// hopeful reports whether every task that waits may still be woken, as far as the
// table knows: by one that can go on, or that may be woken itself.
func (x *explorer) hopeful() bool {
	var going uint64
	frozen := false
	for t, ts := range x.task {
		switch {
		case ts.node.op == opEnd:
		case !ts.frozen, x.options.LoadBuffering && ts.node.op != opLock:
			going |= 1 << t
		}
		frozen = frozen || ts.frozen
	}
	if !frozen {
		return true
	}
	for {
		waiting, more := false, false
		for t, ts := range x.task {
			if !ts.frozen {
				continue
			}
			woken := false
			for u, us := range x.task {
				if u == t || going>>u&1 == 0 {
					continue
				}
				may := us.node.stores
				if ts.node.op == opLock {
					may = us.node.unlocks
				}
				for held := ts.held; held != 0 && may != 0; {
					// What comes after the next critical section comes too late.
					may &= us.node.storesBefore(x.event[held.take()].loc)
				}
				woken = woken || may>>ts.node.loc&1 != 0
			}
			switch {
			case !woken:
				waiting = true
			case going>>t&1 == 0:
				going |= 1 << t
				more = true
			}
		}
		if !waiting {
			return true
		}
		if !more {
			return false
		}
	}
}

// complete reports an execution.
func (x *explorer) complete() {
	if x.promise.open() || (x.fresh != 0 || x.plain != 0) && !x.consistent() {
		return
	}
	x.state.graph = &x.graph
	for t := range x.task {
		x.state.Regs[t] = x.task[t].node.regs
		x.end[t] = x.task[t].node
	}
	if sound, again := x.open(); !sound || again {
		return
	}
	x.cover.Executions++
	for loc := range x.state.Mem {
		x.state.Mem[loc] = x.value(x.last(loc), loc)
	}
	x.state.Race = x.model == LKMM && x.plain != 0 && x.race(&x.x)
	if x.report != nil {
		x.report(&x.state)
	}
	if x.cover.Executions == x.options.MaxExecutions {
		x.err = errEnough
	}
}
