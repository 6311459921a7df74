package explore

import (
	"fmt"
	"slices"

	"trapline/sim"
	"trapline/sim/graph"
)

// graphs visits every execution of a program under a memory model other than SC once,
// where executions are the same that have one execution graph (what each load reads,
// and the coherence order of each word) and one order of conflicting steps on all that
// is no word of memory.
//
// The order in which tasks go on does not matter for memory, so one is fixed: the
// first task that can go on, does. What matters is chosen. A load reads from one of
// the stores that are there, or the task waits for a store that is not there yet, and
// is asked again at each new store to the word. A step on a lock, a queue or whatever
// else is taken, or waits until another step has been taken that conflicts with it, and
// is asked again then. So each execution tells which choices lead to it, and none is
// visited twice. A task that waits in vain is a dead end, counted as blocked.
//
// Whether to wait at all depends on whether another task may still do something to
// wait for. That is known from earlier executions, by the last step in which each
// task was seen to use each object. When more is seen than was known the search begins
// again: what it relies on has been true of every step that it has seen.
//
// A step can turn out to use more than was known before it was taken. It may then have
// waited for a step with which it does not conflict; such an execution is given up, as
// it is the same as one in which it did not wait.
type graphs struct {
	*runner
	path  []turning
	depth int // turnings of the execution under way
	fresh int // depth from which on it is new
	known knowledge
	err   error

	division division
	place    whereabouts
	byways   byways
	// patience is how many executions a pass goes on after it has learnt something, and
	// passed how many it has made.
	patience, passed int
	outline          outline

	tasks  []holdup // by TaskID
	events int      // taken account of
	writes int
	steps  []int // of each task, that have been taken account of
	pick   int   // the source that the load about to be taken is to read, or -1
	going  []bool
	// lost says, once it was asked for hope, that nobody knows of any for a task that is
	// granted it, and vain that it was so when the last step was begun.
	lost, vain bool
	buffer     []sim.Access
	// fresher are the sources that a task has not been asked about.
	fresher []int
}

// turning is a place where an execution can go on in several ways.
type turning struct {
	way, ways int
	step      bool // it is the taking of a step, which may have to be left out
}

// holdup is what keeps a task from going on.
type holdup struct {
	waits  bool // for a store or a step
	asked  bool // something has come
	parked bool // it goes on no more
	above  bool // it has waited since above the place of the shard, or the byway
	// conflict says that since it began to wait a step was taken that conflicts with
	// its own, and mark up to which event a load has declined the stores.
	conflict bool
	mark     graph.Event
	from     int // where a step that is no load last began to wait, -1 if it did not
}

// firstPatience is the patience of the first pass, which each further one doubles.
const firstPatience = 16

// graphs makes the search.
func (s *search) graphs() error {
	s.machine.RememberMemory()
	if s.resumed == nil {
		s.learning = slices.DeleteFunc(s.learning, func(l lesson) bool { return l.ours }) // all begin with the same
	}
	g := &graphs{runner: s.runners[0], known: newKnowledge(), division: undivided}
	by, err := g.divide()
	if err != nil {
		return err
	}
	g.division = by
	s.follow(&g.outline, g.toCome)
	defer g.tell()
	for patience := firstPatience; ; patience *= 2 {
		g.first(patience)
		if c := s.resumed; c != nil {
			s.resumed = nil
			g.resume(c.Graphs)
			g.outline.resume(c.Outline)
			if patience = g.patience; c.Graphs.Done {
				return nil
			}
		}
		ended, err := g.pass()
		if err != nil || s.result.Stopped != "" && !ended {
			return err
		}
		if ended && !g.known.grown || s.result.Stopped != "" {
			return s.keep(func(c *checkpoint) { g.save(c); c.Graphs.Done = true })
		}
		s.startAgain()
	}
}

// first makes a pass begin with its first execution.
func (g *graphs) first(patience int) {
	g.path, g.fresh, g.known.grown = g.path[:0], 0, false
	g.patience, g.passed, g.outline = patience, 0, outline{places: g.outline.places[:0]}
	g.byways.forget()
}

// pass goes through executions until none is left, or until it pays to begin again.
func (g *graphs) pass() (ended bool, err error) {
	counting := g.division.counted != nil
	for {
		if !counting {
			if err := g.keepIfDue(g.save); err != nil {
				return false, err
			}
		}
		g.Repeat()
		before, counts := g.known.variety, g.counts()
		ran, err := g.execute(g)
		if err == nil {
			err = g.err
		}
		switch {
		case err != nil:
			return false, err
		case !ran && counting:
			return false, nil
		case !ran:
			return false, g.keep(g.save)
		}
		g.follow(g.m)
		g.rest(g.m)
		g.taught(before)
		if o := &g.last; g.vain && o.Violation != nil && !o.AtEnd && g.counts().Executions > counts.Executions {
			g.tally.executions-- // it has ended before anybody saw that a task waits in vain
			g.tally.blocked++
		}
		g.byways.count(counts, g.counts())
		if o := &g.last; o.Violation != nil && !o.AtEnd {
			g.parkFatal()
		}
		g.passed++
		if g.known.grown && g.passed <= g.patience {
			return false, nil
		}
		places := g.depth
		more := g.backtrack()
		g.outline.after(places, len(g.path))
		if !more {
			return true, nil
		}
	}
}

// Repeat begins the execution again.
func (g *graphs) Repeat() {
	g.depth, g.events, g.writes, g.pick, g.err = 0, 0, 0, -1, nil
	g.place = whereabouts{reached: g.division.depth < 0, ours: g.division.depth < 0}
	g.byways.at, g.vain = 0, false
	clear(g.tasks)
	clear(g.steps)
}

// backtrack moves to the next sequence of choices.
func (g *graphs) backtrack() bool {
	g.path = g.path[:g.depth]
	for n := len(g.path); n > 0; n-- {
		g.path = g.path[:n]
		if t := &g.path[n-1]; t.way+1 < t.ways {
			t.way++
			g.fresh = n
			return true
		}
	}
	g.path, g.fresh = g.path[:0], 0
	return false
}

// toCome is how many ways are to come, by turning.
func (g *graphs) toCome() []int {
	all := make([]int, len(g.path))
	for i, t := range g.path {
		all[i] = t.ways - t.way - 1
	}
	return all
}

// parkFatal has the step that broke a rule left out as well: it ended the execution
// for all tasks, though what the others do next may break a rule of its own.
func (g *graphs) parkFatal() {
	for n := g.depth; n > 0; n-- {
		if t := &g.path[n-1]; t.step {
			t.ways = 2
			return
		}
	}
}

// decide chooses one of several ways to go on.
func (g *graphs) decide(ways int, step bool) int {
	if g.depth == len(g.path) {
		g.path = append(g.path, turning{ways: ways, step: step})
	}
	g.depth++
	return g.path[g.depth-1].way
}

// Choose takes the next step in the fixed order, with the choices of the path.
func (g *graphs) Choose(m *sim.Machine, p *sim.Point) int {
	if p.Tasks == nil {
		if g.pick >= 0 {
			i := g.pick
			g.pick = -1
			return i
		}
		way := g.decide(p.N, false)
		if way >= p.N {
			g.err = fmt.Errorf("%w: step %d chose between more than %d ways, and now does not", ErrNondeterministic, p.Step, way)
			return -1
		}
		return way
	}
	g.pick = -1
	if !g.follow(m) || !g.enters() {
		return -1
	}
	order := slices.Sorted(slices.Values(p.Tasks))
	for _, id := range order {
		if g.at(id).waits && g.at(id).asked && g.ask(m, id) && g.take(id) {
			return slices.Index(p.Tasks, id)
		}
	}
	for {
		if !g.hopeful(m, &g.known) {
			return -1
		}
		g.vain = g.lost
		g.leave(m)
		i := slices.IndexFunc(order, func(id sim.TaskID) bool { return !g.at(id).waits && !g.at(id).parked })
		if i < 0 {
			return -1 // all that is left waits in vain
		}
		if id := order[i]; g.begin(m, id) && g.take(id) {
			return slices.Index(p.Tasks, id)
		}
	}
}

// take says whether the step of a task is taken, and not left out.
func (g *graphs) take(id sim.TaskID) bool {
	h := g.at(id)
	if g.decide(1, true) == 0 {
		h.waits = false
		return true
	}
	h.parked, h.waits = true, false
	return false
}

func (g *graphs) at(id sim.TaskID) *holdup {
	for len(g.tasks) <= int(id) {
		g.tasks = append(g.tasks, holdup{})
	}
	return &g.tasks[id]
}

// begin decides whether a task that can go on takes its step now.
func (g *graphs) begin(m *sim.Machine, id sim.TaskID) bool {
	*g.at(id) = holdup{from: -1, mark: anyStore, conflict: true}
	return g.now(m, id)
}

// ask decides the same for a task that has waited, and for which something has come.
func (g *graphs) ask(m *sim.Machine, id sim.TaskID) bool { return g.now(m, id) }

// anyStore is before all stores, the first values included.
const anyStore = graph.Initial - 1

// now decides whether a task takes its step, and what a load reads. One that has waited
// goes on for what has come since: a new store, or a step that conflicts with its own.
func (g *graphs) now(m *sim.Machine, id sim.TaskID) bool {
	h := g.at(id)
	h.asked = false
	sources := m.Sources(id)
	g.fresher = g.fresher[:0]
	for i, e := range sources {
		if h.conflict || e > h.mark {
			g.fresher = append(g.fresher, i)
		}
	}
	ways := len(g.fresher)
	if sources == nil {
		ways = 1
	}
	if ways > 0 {
		chosen := 0
		if g.mayChange(m, id) {
			chosen = g.decide(ways+1, false)
		} else {
			chosen = g.decide(ways, false)
		}
		g.at(id).above = false
		if chosen < ways {
			if sources != nil {
				g.pick = g.fresher[chosen]
			}
			return true
		}
	}
	h = g.at(id)
	h.waits, h.conflict, h.mark = true, false, m.LastMemoryEvent()
	if sources == nil {
		h.from = g.events
	}
	if ways > 0 {
		g.leave(m)
	}
	return false
}

// follow takes account of the steps that were taken. It returns false if the last one
// has waited for nothing.
func (g *graphs) follow(m *sim.Machine) bool {
	events := m.Events()
	justified := true
	for ; g.events < len(events); g.events++ {
		e := &events[g.events]
		uses := m.Accesses(e)
		if h := g.at(e.Task); h.from >= 0 {
			justified = g.conflicted(m, h.from, g.events, e.Task, uses)
			h.from = -1
		}
		g.learn(e, uses)
		g.count(e.Task)
		for id := range g.tasks {
			switch h := &g.tasks[id]; {
			case !h.waits || h.asked && h.conflict:
			case g.wakes(m, sim.TaskID(id), uses):
				h.asked, h.conflict = true, true
			case h.above:
				g.miss(m, sim.TaskID(id), uses)
			}
		}
	}
	writes := m.Writes()
	for ; g.writes < len(writes); g.writes++ {
		w := &writes[g.writes]
		g.known.use(useOf{w.Task, w.Obj, memoryWrite}, w.Step)
		for id := range g.tasks {
			if h := &g.tasks[id]; h.waits && m.PendingMemory(sim.TaskID(id)) == w.Obj {
				h.asked = true
			}
		}
	}
	return justified
}

// count counts a step.
func (g *graphs) count(id sim.TaskID) {
	for len(g.steps) <= int(id) {
		g.steps = append(g.steps, 0)
	}
	g.steps[id]++
}

func (g *graphs) taken(id sim.TaskID) int {
	if int(id) < len(g.steps) {
		return g.steps[id]
	}
	return 0
}

// wakes says whether a step with these uses conflicts with the pending one of a task.
func (g *graphs) wakes(m *sim.Machine, id sim.TaskID, uses []sim.Access) bool {
	woken := conflicting(g.footprint(m, id, &g.known), uses)
	if woken && g.common() && g.known.variety > g.byways.base.variety && !conflicting(g.footprint(m, id, g.byways.base), uses) {
		g.byways.unlike = true
	}
	return woken
}

func conflicting(a, b []sim.Access) bool {
	for i := range a {
		for j := range b {
			if a[i].Obj == b[j].Obj && a[i].Mode.Conflicts(b[j].Mode) {
				return true
			}
		}
	}
	return false
}

// conflicted says whether a step of another task from first on, and before last,
// conflicts with one that has these uses.
func (g *graphs) conflicted(m *sim.Machine, first, last int, id sim.TaskID, uses []sim.Access) bool {
	events := m.Events()
	for i := first; i < last; i++ {
		if e := &events[i]; e.Task != id && conflicting(m.Accesses(e), uses) {
			return true
		}
	}
	return false
}

// mayChange says whether a task can wait in hope: another may do what it waits for, and
// nobody who waits already does so in vain.
func (g *graphs) mayChange(m *sim.Machine, id sim.TaskID) bool {
	h := g.at(id)
	was := *h
	h.waits, h.asked, h.above = true, false, false
	hopeful := g.hopeful(m, &g.known)
	*g.at(id) = was
	return hopeful
}

// present finds out who may go on, whatever the others do: not one who waits, cannot
// take its step yet, or is still to be spawned.
func (g *graphs) present(m *sim.Machine) {
	g.going = g.going[:0]
	for u := range m.Tasks() {
		id := sim.TaskID(u)
		g.going = append(g.going, g.left(m, id) && !g.waitsFor(id) && !m.Stuck(id) && !m.ToBeSpawned(id))
	}
}

// left says whether a task may have steps left to take.
func (g *graphs) left(m *sim.Machine, id sim.TaskID) bool {
	return id > 0 && !g.at(id).parked && m.MayGoOn(id)
}

// waitsFor says whether a task waits, and nothing has come.
func (g *graphs) waitsFor(id sim.TaskID) bool { return g.at(id).waits && !g.at(id).asked }

// mayWake says whether a task may get what it waits for, or what its step needs, as far
// as tasks are known to go on. One that is still to be spawned needs its parent.
func (g *graphs) mayWake(m *sim.Machine, id sim.TaskID, k *knowledge) bool {
	if m.ToBeSpawned(id) {
		return g.going[m.Parent(id)]
	}
	if obj := m.PendingMemory(id); obj != 0 && g.mayUse(id, obj, memoryWrite, k) {
		return true
	}
	for _, a := range g.footprint(m, id, k) {
		for _, mode := range []sim.Mode{sim.Read, sim.Write, sim.Add} {
			if mode.Conflicts(a.Mode) && g.mayUse(id, a.Obj, mode, k) {
				return true
			}
		}
	}
	return false
}

// mayUse says whether another task than this one may still use an object.
func (g *graphs) mayUse(id sim.TaskID, obj sim.ObjID, mode sim.Mode, k *knowledge) bool {
	for u, goes := range g.going {
		if goes && sim.TaskID(u) != id && int(k.uses[useOf{sim.TaskID(u), obj, mode}]) > g.taken(sim.TaskID(u)) {
			return true
		}
	}
	return false
}

// hopeful says whether each task that waits may still get what it waits for, as far as k
// knows; of one that has waited since above the places of a shard nobody knows. Who
// cannot take its step, as the lock is held, does nothing for others before somebody has
// done something for it.
func (g *graphs) hopeful(m *sim.Machine, k *knowledge) bool {
	g.present(m)
	for {
		waiting, more := false, false
		g.lost = false
		for u := range g.going {
			id := sim.TaskID(u)
			switch {
			case g.going[u] || !g.left(m, id):
			case g.mayWake(m, id, k):
				g.going[u], more = true, true
			case g.waitsFor(id) && g.at(id).above:
				g.lost = true
			case g.waitsFor(id):
				waiting = true
			}
		}
		if !more {
			return !waiting
		}
	}
}
