package explore

import (
	"fmt"
	"slices"

	"trapline/sim"
)

// dpor visits every Mazurkiewicz trace of the program: every class of
// executions that differ only in the order of independent steps. It is the
// optimal algorithm of Abdulla, Aronis, Jonsson and Sagonas ("Source Sets",
// JACM 2017): each finished execution is searched for races, pairs of dependent
// steps that could have come in the other order, and for each race a sequence
// that reverses it is put into the wakeup tree of the place where the two ways
// part. Sleep sets keep a class from being visited twice.
//
// Two things go beyond the paper. A step that can be blocked (a lock) races not
// with the step that let it go on (the unlock) but with the one before which it
// could have been taken (the other's lock). And a choice of a value is treated
// as a race of the step with itself under another value.
//
// The uses of the last step of a reversing sequence are those that it had where
// it came from. If its kind was seen to vary, no other sequence is taken to be
// covered by it. When another kind turns out to vary, the search starts again: so
// what it relies on has been true of every step that it has seen.
func (s *search) dpor() error {
	d := &dpor{m: s.machine}
	for {
		if d.order.variations.grown {
			d.order.cut(0)
			d.path, d.order.variations.grown = nil, false
			s.startAgain()
			s.result.Varying = true
		}
		d.depth = len(d.path)
		ran, err := s.execute(d)
		if err == nil {
			err = d.err
		}
		if err != nil || !ran {
			return err
		}
		d.order.finish(s.machine, s.last.Violation != nil && !s.last.AtEnd)
		d.races()
		d.theEnd()
		if !d.order.variations.grown && !d.backtrack() {
			return nil
		}
	}
}

// dpor is the strategy of the search, and its state between executions.
type dpor struct {
	m     *sim.Machine
	path  []place
	depth int // places of the path that the execution under way must follow
	order order
	err   error
}

// place is one point on the path: the state before a step.
type place struct {
	// taken is the step taken from here.
	taken step
	// sleep are the steps after which everything has been visited already.
	sleep []step
	// tree holds the sequences that are still to be visited from here, below
	// the one that is being visited.
	tree []*wakeup
	// below is the tree that the visited sequence brings to the next place.
	below []*wakeup
}

// step is a step of a task with what it uses. A task has several only when it
// chooses a value.
type step struct {
	task   sim.TaskID
	choice int16
	picks  bool // it chooses a value, choice
	fatal  bool // it broke a rule
	// guess says that the step may use something else: the uses are those of
	// another execution, where it came elsewhere, and its kind is known to vary.
	guess bool
	uses  []sim.Access
}

// wakeup is a node of a wakeup tree.
type wakeup struct {
	step
	next []*wakeup
}

// Choose follows the path, then the wakeup tree, and then the first task that
// is not asleep, the running one before others.
func (d *dpor) Choose(m *sim.Machine, p *sim.Point) int {
	if p.Tasks == nil {
		return int(d.path[p.Step].taken.choice)
	}
	if p.Step < d.depth {
		return d.option(p, d.path[p.Step].taken.task)
	}
	d.order.follow(m)
	next := d.arrive(p.Step)
	if len(next.tree) > 0 {
		w := next.tree[0]
		next.tree = next.tree[1:]
		next.take(w)
		return d.option(p, w.task)
	}
	for i, t := range p.Tasks {
		if choice := d.awake(next, t); choice >= 0 {
			next.taken = step{task: t, choice: int16(choice)}
			return i
		}
	}
	d.path = d.path[:p.Step]
	return -1
}

// option is the index of a task that the path or a wakeup tree calls for.
func (d *dpor) option(p *sim.Point, t sim.TaskID) int {
	for i, id := range p.Tasks {
		if id == t {
			return i
		}
	}
	d.err = fmt.Errorf("%w: %s could take step %d, and now cannot", ErrNondeterministic, d.m.TaskName(t), p.Step)
	return -1
}

// arrive adds the place before the given step to the path: the steps that stay
// asleep are those that do not depend on the step just taken. One that breaks a
// rule depends on every other, as it ends the execution for all.
func (d *dpor) arrive(at int) *place {
	if at == len(d.path) {
		d.path = append(d.path, place{})
	}
	d.path = d.path[:at+1]
	next := &d.path[at]
	*next = place{sleep: next.sleep[:0]}
	if at > 0 {
		last := &d.path[at-1]
		last.taken.uses = d.order.uses(at - 1)
		next.tree, last.below = last.below, nil
		for _, s := range last.sleep {
			if !s.fatal && !s.depends(&last.taken) {
				next.sleep = append(next.sleep, s)
			}
		}
	}
	return next
}

// awake is the value with which the next step of t is to be taken: 0 if it
// chooses none, and -1 if the step is asleep.
func (d *dpor) awake(at *place, t sim.TaskID) int {
	n := max(d.m.Choices(t), 1)
	for choice := range n {
		asleep := false
		for i := range at.sleep {
			asleep = asleep || at.sleep[i].is(t, int16(choice))
		}
		if !asleep {
			return choice
		}
	}
	return -1
}

// backtrack moves to the next sequence to visit. It returns false when there is
// none left.
func (d *dpor) backtrack() bool {
	for n := len(d.path); n > 0; n = len(d.path) {
		p := &d.path[n-1]
		p.taken.uses = d.order.uses(n - 1)
		p.sleep = append(p.sleep, p.taken)
		if len(p.tree) > 0 {
			w := p.tree[0]
			p.tree = p.tree[1:]
			p.take(w)
			d.order.cut(n - 1)
			return true
		}
		d.path = d.path[:n-1]
	}
	return false
}

// take makes the visit of w the one under way. Whether its step breaks a rule
// here remains to be seen.
func (p *place) take(w *wakeup) {
	p.taken, p.below = w.step, w.next
	p.taken.fatal, p.taken.guess = false, false
}

func (s *step) is(t sim.TaskID, choice int16) bool { return s.task == t && s.choice == choice }

// depends says whether the order of two steps matters.
func (s *step) depends(t *step) bool {
	return s.task == t.task || conflict(s.uses, t.uses)
}

func conflict(a, b []sim.Access) bool {
	for i := range a {
		for j := range b {
			if a[i].Obj == b[j].Obj && a[i].Mode.Conflicts(b[j].Mode) {
				return true
			}
		}
	}
	return false
}

// insert puts a sequence into the wakeup tree of a place, unless what it would
// lead to has been visited from there or is going to be. It uses up v.
func (p *place) insert(v []step) {
	for i := range p.sleep {
		if _, ok := p.sleep[i].initial(v); ok {
			return
		}
	}
	level := &p.tree
descend:
	for len(v) > 0 {
		for _, w := range *level {
			i, ok := w.initial(v)
			if !ok {
				continue
			}
			if i >= 0 {
				v = slices.Delete(v, i, i+1)
			}
			if len(w.next) == 0 && !slices.ContainsFunc(v, func(s step) bool { return s.picks }) {
				return // whatever comes after w will be visited
			}
			// That does not hold for every value of a choice: those that are
			// not called for may be left out where others are asleep.
			level = &w.next
			continue descend
		}
		for _, s := range v {
			w := &wakeup{step: s}
			*level = append(*level, w)
			level = &w.next
		}
		return
	}
}

// initial says whether s can be the first step of an execution that is
// equivalent to v and what follows it: s stands in v and nothing before it
// depends on it, or it depends on nothing in v. It returns the place of s in v,
// or -1. A step that breaks a rule ends the execution, so all others depend on
// it; so they may on one whose uses are a guess.
func (s *step) initial(v []step) (int, bool) {
	for i := range v {
		if v[i].task == s.task {
			return i, v[i].choice == s.choice
		}
		if s.fatal || s.guess || v[i].fatal || v[i].guess || conflict(s.uses, v[i].uses) {
			return 0, false
		}
	}
	return -1, true
}

// races puts a reversing sequence into the tree for every race whose later step
// is new in the last execution, or was still to be taken when it ended early. If
// there is a new choice, all races are looked at: their sequences may hold it.
func (d *dpor) races() {
	o := &d.order
	first := o.kept
	if slices.ContainsFunc(o.events[o.kept:o.taken], func(e event) bool { return e.choices > 0 }) {
		first = 0
	}
	for i := first; i < len(o.events); i++ {
		for _, j := range o.racing(i) {
			d.reverse(i, j)
		}
		for _, all := range o.jointly {
			slices.Sort(all)
			d.reverse(i, all[0], all[1:]...)
		}
		if i >= o.taken {
			continue
		}
		e := &o.events[i]
		for c := range e.choices {
			if c != e.choice {
				d.path[i].insert(append(o.notAfter(i), step{task: e.task, choice: c, picks: true, guess: has(o.variations.some, e.op)}))
			}
		}
	}
}

// theEnd sees to what a violation has cut off. The step that broke the rule ended
// the execution for everybody, so it depends on all that the others had done and
// on all that they could have done next: it is to be tried before the one, and
// the other is to be tried before it.
func (d *dpor) theEnd() {
	o := &d.order
	last := o.fatal
	if last < 0 {
		return
	}
	fatal := &o.events[last]
	d.path[last].taken.fatal = true
	for i := o.taken; i < len(o.events); i++ {
		if e := &o.events[i]; e.task != fatal.task && o.possible(i) {
			d.path[last].insert([]step{{task: e.task, guess: o.guess(i), uses: o.uses(i)}})
		}
	}
	for _, j := range o.beside(last) {
		v := step{task: fatal.task, choice: fatal.choice, picks: fatal.choices > 0, fatal: true, guess: o.guess(last), uses: o.uses(last)}
		d.path[j].insert(append(o.notAfter(j), v))
	}
}

// reverse puts into the tree before step j what happened without j and the
// others, which come later, and then step i.
func (d *dpor) reverse(i, j int, others ...int) {
	o := &d.order
	e := &o.events[i]
	d.path[j].insert(append(o.notAfter(j, others...), step{task: e.task, choice: e.choice, picks: e.choices > 0, guess: o.guess(i), uses: o.uses(i)}))
}
