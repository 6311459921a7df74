package explore

import (
	"cmp"
	"fmt"
	"slices"

	"trapline/sim"
)

// states visits every state of the program, and goes on from each but once: when an
// execution comes to a state that was seen before, it is given up. What a state is
// says [sim.Machine.State].
//
// Not every way out of a state is tried, either. It is the reduction of Flanagan
// and Godefroid ("Dynamic partial-order reduction", POPL 2005), in the form that
// Yang, Chen, Gopalakrishnan and Kirby gave it for searches that remember states
// ("Efficient stateful dynamic partial order reduction", SPIN 2008). From a new
// state one task goes on. A step that is dependent on an earlier one of the same
// execution, and could have come first, has the task that takes it tried there as
// well. Where an execution is given up, the steps that follow are not taken again;
// so each state remembers what steps were found to follow it, and they are compared
// with the execution that leads there this time.
//
// Of a step that is only remembered it is not known what else came before it, so
// more is tried than has to be. One thing is known, and it is what matters in
// programs with locks: which locks its task held. Two steps under one lock come in
// the order in which the lock was taken.
//
// A state that is seen again while the search is still below it closes a cycle.
// From all states on it everything is tried.
func (s *search) states() error {
	by, err := s.divide(s.statesBy)
	if err != nil {
		return err
	}
	return s.statesBy(by)
}

// statesBy is the search as far as it belongs to the shard.
func (s *search) statesBy(by division) error {
	w := &stateSearch{runner: s.runners[0], seen: map[uint64]int32{}, above: map[uint64]int32{}, futures: newFutures(), crown: crown{division: by}}
	w.m.States = true
	defer func() { w.m.States = false }()
	if c := s.resumed; c != nil {
		s.resumed = nil
		if err := w.resume(c.States, &c.Names); err != nil {
			return notResumed("%w", err)
		}
		w.outline.resume(c.Outline)
		w.done = c.States.Done
	}
	defer func() { s.visited = w.visited() }()
	if by.counted == nil {
		s.follow(&w.outline, w.toCome)
	}
	for !w.done {
		if by.counted == nil {
			if err := s.keepIfDue(w.save); err != nil {
				return err
			}
		}
		w.depth, w.merged = len(w.path), -1
		w.crown.next(len(w.path))
		ran, err := w.execute(w)
		if err == nil {
			err = cmp.Or(w.err, w.crown.err)
		}
		switch {
		case err != nil:
			return err
		case !ran && by.counted != nil:
			return nil
		case !ran:
			return s.keep(w.save)
		case w.merged < 0 && len(w.m.Events()) < w.depth:
			return fmt.Errorf("%w: an execution with %d steps has ended after %d", ErrNondeterministic, w.depth, len(w.m.Events()))
		}
		w.resumes = false
		w.crown.took(w.last.Steps)
		w.ended()
		if w.merged >= 0 && s.options.SelfCheck {
			if err := w.same(); err != nil {
				return err
			}
		}
		places := len(w.path)
		w.done = !w.backtrack()
		w.outline.after(places, len(w.path))
	}
	if by.counted != nil {
		return nil
	}
	return s.keep(w.save)
}

// visited are the states that the shard answers for.
func (w *stateSearch) visited() []uint64 {
	if w.crown.depth < 0 || w.crown.counted != nil {
		return nil
	}
	var all []uint64
	for i := range w.entries {
		if e := &w.entries[i]; e.counts {
			all = append(all, e.key)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// stateSearch is the strategy of that search.
type stateSearch struct {
	*runner
	path  []place
	depth int // places of the path that the execution under way must follow
	order order
	locks [][]sim.ObjID // by event: what its task held after it
	err   error

	seen    map[uint64]int32 // by state: its last entry
	above   map[uint64]int32 // the same of places above the depth of the division
	crown   crown
	entries []entry
	futures futures
	// merged is the state in which the execution under way was given up, or -1.
	merged int32
	// resumes says that the steps on the path are still to be entered into the order.
	resumes bool
	done    bool // nothing is left
	outline outline

	buffer []sim.Access
	held   []sim.ObjID
	asleep []sleeper // at the place that the execution has come to
	taken  int       // the last step
}

// sleeper is a task that sleeps, with the step that it would take.
type sleeper struct {
	task sim.TaskID
	step int
}

// place is one state on the path of the search: the place before a step.
type place struct {
	entry int32
	tasks []sim.TaskID // that can go on
	marks []mark       // of the tasks
	at    int          // which of them does
	steps []int        // what they were seen to do here, -1 if that varies
	// asleep are other tasks than those of marks, whose next steps were taken in a
	// place before this one: what comes after them was visited from there, and
	// nothing has come since that depends on them.
	asleep []sleeper
	// The step may choose a value.
	choice, choices int16
	future          set // the steps that follow
	// lowest is the first place of the path that can be reached from here again.
	lowest int32
	full   bool // every task is to be tried
	cycle  bool // and those that sleep as well
}

// mark is what the search has to do with a task at a place.
type mark uint8

const (
	todo mark = 1 + iota
	done
	slept
)

// entry is a state that was seen, with those who slept there.
type entry struct {
	key    uint64
	asleep set
	above  bool  // which map it is in
	counts bool  // for the shard
	next   int32 // entry of the same state, or -1
	open   int32 // its place on the path, -1 if the search is done with it
	// root is the state that stands for all that can be reached from each other.
	root   int32
	future int32 // the steps that follow, once it is done with
	// How the search first came here.
	parent int32
	task   sim.TaskID
	choice int16
}

// Choose follows the path, and beyond it goes on with whoever is running, as long
// as that leads to new states.
func (w *stateSearch) Choose(m *sim.Machine, p *sim.Point) int {
	if p.Tasks == nil {
		x := &w.path[p.Step]
		x.choices = int16(p.N)
		if int(x.choice) >= p.N {
			w.err = fmt.Errorf("%w: step %d chose between more than %d ways, and now does not", ErrNondeterministic, p.Step, x.choice)
			return -1
		}
		return int(x.choice)
	}
	if p.Step < w.depth {
		if w.resumes {
			w.enter(true)
		}
		x := &w.path[p.Step]
		if i := slices.Index(p.Tasks, x.tasks[x.at]); i >= 0 {
			return i
		}
		w.err = fmt.Errorf("%w: %s could take step %d, and now cannot", ErrNondeterministic, m.TaskName(x.tasks[x.at]), p.Step)
		return -1
	}
	w.follow(true)
	w.doze()
	key, seen := m.State(), w.seen
	if p.Step <= w.crown.depth {
		seen, w.asleep = w.above, w.asleep[:0] // everything is tried there
	}
	first, ok := seen[key]
	if !ok {
		first = -1
	}
	for n := first; n >= 0; n = w.entries[n].next {
		if w.entries[n].within(w.asleep) {
			w.merge(n)
			return -1
		}
	}
	if !w.crown.enters(p.Step) {
		return -1
	}
	if !ok && w.crown.counts(p.Step) {
		w.tally.states++
	}
	seen[key] = int32(len(w.entries))
	return w.arrive(key, first, p)
}

func (w *stateSearch) foreign() bool { return w.crown.foreign() }

// doze finds out who sleeps at the place that the execution has come to: those who
// slept before the last step or had been tried there, and do not depend on it.
func (w *stateSearch) doze() {
	w.asleep = w.asleep[:0]
	if len(w.path) == 0 {
		return
	}
	x := &w.path[len(w.path)-1]
	taken := &w.futures.steps[w.taken]
	for i, t := range x.tasks {
		if i != x.at && x.marks[i] == done && x.steps[i] >= 0 {
			w.sleeps(sleeper{t, x.steps[i]}, taken)
		}
	}
	for _, s := range x.asleep {
		w.sleeps(s, taken)
	}
}

func (w *stateSearch) sleeps(s sleeper, taken *future) {
	if f := &w.futures.steps[s.step]; s.task != taken.task && !f.fatal && !conflict(f.uses, taken.uses) {
		w.asleep = append(w.asleep, s)
	}
}

// within says whether all who slept when the search came to e sleep now.
func (e *entry) within(asleep []sleeper) bool {
	for t := range e.asleep.all() {
		if !slices.ContainsFunc(asleep, func(s sleeper) bool { return int(s.task) == t }) {
			return false
		}
	}
	return true
}

// arrive adds a new place to the path and goes on from there, unless all who could
// are asleep.
func (w *stateSearch) arrive(key uint64, next int32, p *sim.Point) int {
	n := len(w.path)
	e := entry{key: key, above: n <= w.crown.depth, counts: w.crown.counts(n), next: next, open: int32(n), root: int32(len(w.entries)), parent: -1}
	for _, s := range w.asleep {
		e.asleep = e.asleep.with(int(s.task))
	}
	if n > 0 {
		last := &w.path[n-1]
		e.parent, e.task, e.choice = last.entry, last.tasks[last.at], last.choice
	}
	w.path = slices.Grow(w.path, 1)[:n+1]
	x := &w.path[n]
	*x = place{
		entry: int32(len(w.entries)), tasks: append(x.tasks[:0], p.Tasks...), marks: x.marks[:0], steps: x.steps[:0],
		asleep: append(x.asleep[:0], w.asleep...), at: -1, future: x.future[:0], lowest: int32(n),
		full: n < w.crown.depth, cycle: n < w.crown.depth,
	}
	w.entries = append(w.entries, e)
	for i, t := range x.tasks {
		mark := mark(0)
		if slices.ContainsFunc(w.asleep, func(s sleeper) bool { return s.task == t }) {
			mark = slept
		} else if x.at < 0 {
			mark, x.at = done, i
		}
		x.marks, x.steps = append(x.marks, mark), append(x.steps, -1)
	}
	return x.at
}

// enter puts the steps that the machine has taken since the last call into the order,
// and returns the first of them. If the execution is under way, the last of them has
// just ended.
func (w *stateSearch) enter(under bool) int {
	events := w.m.Events()
	first := len(w.order.events)
	for i := first; i < len(events); i++ {
		e := &events[i]
		w.order.add(w.m, e.Task, e.Op, e.Choice, e.Choices, w.m.Accesses(e), int(e.Known))
		w.locks = slices.Grow(w.locks[:i], 1)[:i+1]
		w.locks[i] = w.locks[i][:0]
		if under {
			w.locks[i] = w.m.Locks(e.Task, w.locks[i])
		}
	}
	return first
}

// follow enters the steps that are new, and finds out what they race with.
func (w *stateSearch) follow(under bool) {
	events := w.m.Events()
	for i := w.enter(under); i < len(events); i++ {
		if w.crown.counts(i) {
			w.tally.transitions++
		}
		e := &events[i]
		s := w.step(e.Task, w.order.events[i].previous, w.m.Accesses(e))
		s.locks = union(s.locks, w.locks[i])
		s.fatal = !under && i == len(events)-1 && w.last.Violation != nil && !w.last.AtEnd
		w.came(i, i, &s)
		if s.fatal {
			w.path[i].full = true
		}
	}
}

// future is a step that was taken, or that was pending at the end.
type future struct {
	task sim.TaskID
	uses []sim.Access
	// locks are those that the task held before the step or after it.
	locks []sim.ObjID
	fatal bool // it broke a rule
}

// step is a step of a task whose last one was the event previous.
func (w *stateSearch) step(t sim.TaskID, previous int32, uses []sim.Access) future {
	w.held = w.held[:0]
	if previous >= 0 {
		w.held = append(w.held, w.locks[previous]...)
	}
	return future{task: t, uses: uses, locks: w.held}
}

// came has a step follow place at. It is event i, or was pending at the end, where
// i is -1.
func (w *stateSearch) came(at, i int, s *future) {
	x := &w.path[at]
	n := w.futures.number(s)
	x.future = x.future.with(n)
	if i >= 0 {
		w.taken = n
		x.steps[x.at] = n
		if x.choices > 1 {
			x.steps[x.at] = -1
		}
	}
	if i < 0 {
		i = len(w.order.events)
	}
	w.races(i, s)
}

// ended sees to the rest of an execution, and to what its tasks were about to do.
func (w *stateSearch) ended() {
	n := len(w.path)
	if n == 0 || w.merged >= 0 {
		return
	}
	w.follow(false)
	for _, t := range w.m.Unfinished() {
		previous := int32(-1)
		if int(t) < len(w.order.tasks) {
			previous = w.order.tasks[t]
		}
		w.buffer = w.m.Pending(t, w.buffer[:0])
		s := w.step(t, previous, w.buffer)
		w.came(n-1, -1, &s)
	}
}

// merge gives the execution up in a state that was seen.
func (w *stateSearch) merge(n int32) {
	w.merged = n
	root := w.root(n)
	last := &w.path[len(w.path)-1]
	if open := w.entries[root].open; open >= 0 {
		if open := w.entries[n].open; open >= 0 && w.livelock(int(open)) {
			w.stop(endless)
		}
		last.lowest = min(last.lowest, open)
		first := int(open)
		if root != n {
			first = 0 // what follows is not known yet
		}
		for i := first; i < len(w.path); i++ {
			w.path[i].full, w.path[i].cycle = true, true
		}
		return
	}
	follows := w.futures.sets[w.entries[root].future]
	last.future = last.future.union(follows)
	for i := range follows.all() {
		w.races(-1, &w.futures.steps[i])
	}
}

// livelock says whether tasks that should come to an end can for ever do what they did
// since a place of the path: each that could go on in between has done so.
func (w *stateSearch) livelock(from int) bool {
	round := w.path[from:]
	first := round[0].tasks[round[0].at]
	meant := w.m.IsDaemon(first) // to go on
	for i := range round {
		x := &round[i]
		meant = meant && x.tasks[x.at] == first
		for _, t := range x.tasks {
			if !slices.ContainsFunc(round, func(x place) bool { return x.tasks[x.at] == t }) {
				return false
			}
		}
	}
	return !meant
}

// root is the state that stands for n and all that can be reached from it and back.
func (w *stateSearch) root(n int32) int32 {
	for w.entries[n].root != n {
		n = w.entries[n].root
	}
	return n
}

// backtrack moves to the next thing to try. It returns false when there is none.
func (w *stateSearch) backtrack() bool {
	for n := len(w.path); n > 0; n = len(w.path) {
		if w.path[n-1].next() {
			w.order.cut(n - 1)
			return true
		}
		w.leave()
	}
	return false
}

// toCome is how much is to be tried, by place, as far as is known.
func (w *stateSearch) toCome() []int {
	all := make([]int, len(w.path))
	for i := range w.path {
		x := &w.path[i]
		all[i] = max(int(x.choices-x.choice)-1, 0)
		for _, m := range x.marks {
			if x.wants(m) {
				all[i]++
			}
		}
	}
	return all
}

// wants says whether a task with this mark is to be tried.
func (x *place) wants(m mark) bool { return m == todo || m == 0 && x.full || m == slept && x.cycle }

func (x *place) next() bool {
	if x.choice+1 < x.choices {
		x.choice++
		return true
	}
	for i, m := range x.marks {
		if x.wants(m) {
			x.marks[i] = done
			x.at, x.choice, x.choices = i, 0, 0
			return true
		}
	}
	return false
}

// leave ends the search below the last place of the path.
func (w *stateSearch) leave() {
	n := len(w.path) - 1
	x := &w.path[n]
	e := &w.entries[x.entry]
	e.open = -1
	if x.lowest < int32(n) {
		e.root = w.path[x.lowest].entry
	} else {
		e.future = w.futures.keep(x.future)
	}
	if n > 0 {
		up := &w.path[n-1]
		up.lowest = min(up.lowest, x.lowest)
		up.future = up.future.union(x.future)
	}
	w.path = w.path[:n]
}
