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
// it came from, and if its kind was seen to vary, all that it was seen to have. When
// it turns out to have others, the search starts again: so what it relies on has been
// true of every step that it has seen.
func (s *search) dpor() error {
	s.setLockAware(s.lockAware)
	v := newVariations()
	division, err := s.divide(s.count)
	if err != nil {
		return err
	}
	for {
		p := newPool(s, v, division)
		p.resume()
		if err := p.run(); err != nil {
			return err
		}
		switch {
		case v.grown.Load():
			if err := s.survey(v); err != nil {
				return err
			}
			v.grown.Store(false)
		case v.exact.wanted.Load() && !v.exact.on:
			v.exact.on = true
		default:
			return s.keep(p.save)
		}
		v.exact.seen = map[uint64]outcome{}
		s.startAgain()
		s.result.Varying = true
	}
}

// worker goes through executions, one after the other. Its path leads from the
// first place of the program to where it is.
type worker struct {
	*runner
	pool  *pool // nil if the worker is alone
	crew  *pool // never nil
	path  []visit
	depth int // places of the path that the execution under way must follow
	order order
	feet  feet
	err   error
	// started says that the worker has run something, or taken something over.
	started bool
	// place says where the execution under way belongs, if the search is divided.
	place whereabouts

	freeNodes   []*node
	freeWakeups *wakeup
}

// visit is one place on the path of a worker, and the step that it takes there.
type visit struct {
	*node
	taken step
	slot  int // of taken in node.asleep
	// below is the tree that the visited sequence brings to the next place.
	below *wakeup
}

// walk visits one sequence after the other until nothing is left at the places
// that the worker has come through. It returns false if the search must stop.
func (d *worker) walk() (bool, error) {
	for {
		if err := d.crew.pause(d); err != nil || d.crew.ended.Load() {
			return false, err
		}
		d.depth = len(d.path)
		d.place = d.known()
		ran, err := d.execute(d)
		if err == nil {
			err = d.err
		}
		if err != nil || !ran {
			return false, err
		}
		d.started = true
		if d.last.Abandoned && d.closer() {
			return false, nil
		}
		d.order.finish(d.m, d.last.Violation != nil && !d.last.AtEnd)
		if d.order.taken < d.depth {
			return false, fmt.Errorf("%w: an execution of %d steps and more has ended after %d", ErrNondeterministic, d.depth, d.order.taken)
		}
		d.settle(d.order.taken - 1)
		d.races()
		d.theEnd()
		if d.order.variations.grown.Load() {
			return false, nil
		}
		d.offer()
		if !d.backtrack() {
			return true, nil
		}
	}
}

// closer says that the search begins anew to look closer, as an execution was begun in
// vain: because a step was taken to use more than it did, if there are such.
func (d *worker) closer() bool {
	v := d.order.variations
	if v.exact.on || !v.unsure.Load() || d.crew.division.depth > 0 || d.begun.Load() > lateExact {
		return false
	}
	v.exact.wanted.Store(true)
	return true
}

// Repeat follows the path as far as it was made.
func (d *worker) Repeat() { d.depth = len(d.path) }

// Choose follows the path, then the wakeup tree, and then the first task that
// is not asleep, the running one before others.
func (d *worker) Choose(_ *sim.Machine, p *sim.Point) int {
	if p.Tasks == nil {
		return d.value(p)
	}
	if p.Step < d.depth {
		return d.option(p, d.path[p.Step].taken.task)
	}
	d.order.follow(d.m)
	next := d.arrive(p.Step)
	switch at := d.crew.division.depth; {
	case p.Step < at:
		d.expand(next.node, p)
	case p.Step == at && !d.ours():
		return d.giveUp(p.Step)
	}
	if w := next.tree; w != nil {
		d.pull(next)
		return d.option(p, w.task)
	}
	for i, t := range p.Tasks {
		if choice := d.awake(next.node, t); choice >= 0 {
			next.take(step{task: t, choice: int16(choice)})
			return i
		}
	}
	return d.giveUp(p.Step)
}

// giveUp leaves the place before the given step, at which the worker has arrived.
func (d *worker) giveUp(at int) int {
	d.release(d.path[at].node)
	d.path = d.path[:at]
	return -1
}

// value is the value that the step under way is to choose.
func (d *worker) value(p *sim.Point) int {
	v := int(d.path[p.Step].taken.choice)
	if v >= p.N {
		d.err = fmt.Errorf("%w: step %d chose between more than %d ways, and now does not", ErrNondeterministic, p.Step, v)
		return -1
	}
	return v
}

// option is the index of a task that the path or a wakeup tree calls for.
func (d *worker) option(p *sim.Point, t sim.TaskID) int {
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
func (d *worker) arrive(at int) *visit {
	n := d.newNode()
	if at > 0 {
		d.settle(at - 1)
		last := &d.path[at-1]
		n.parent, n.slot, n.depth = last.node, last.slot, at
		n.tree, last.below = last.below, nil
		d.lock(last.node)
		for i := range last.asleep[:last.slot] {
			s := last.asleep[i]
			if !s.fatal && !d.depends(&s, &last.taken) {
				s.foreign = s.foreign || last.shared || at == d.crew.division.depth
				n.asleep = append(n.asleep, s)
			}
		}
		d.unlock(last.node)
	}
	d.path = append(d.path[:at], visit{node: n})
	return &d.path[at]
}

// settle notes what step i has used, if that was not known.
func (d *worker) settle(i int) {
	if i < 0 || i < d.depth-1 {
		return
	}
	v := &d.path[i]
	v.taken.uses = d.order.footprint(&d.feet, i)
	if x := &d.order.variations.exact; x.on {
		x.note(d.order.signs[i].known, v.taken.uses, i == d.order.fatal)
	}
	d.lock(v.node)
	v.asleep[v.slot].uses = v.taken.uses
	v.asleep[v.slot].fatal = i == d.order.fatal
	v.opening = false
	d.unlock(v.node)
}

// awake is the value with which the next step of t is to be taken: 0 if it
// chooses none, and -1 if the step is asleep.
func (d *worker) awake(n *node, t sim.TaskID) int {
	for choice := range max(d.m.Choices(t), 1) {
		if !n.sleeps(t, int16(choice)) {
			return choice
		}
	}
	return -1
}

// sleeps says whether a step is asleep.
func (n *node) sleeps(t sim.TaskID, choice int16) bool {
	for i := range n.asleep {
		if n.asleep[i].is(t, choice) {
			return true
		}
	}
	return false
}

// take makes the visit of a step the one under way. Whether it breaks a rule
// here remains to be seen.
func (v *visit) take(s step) {
	s.fatal, s.guess, s.wild = false, false, false
	v.taken, v.slot = s, len(v.asleep)
	v.asleep = append(v.asleep, s)
	v.opening = true
}

// pull takes the first step of the wakeup tree of a place.
func (d *worker) pull(v *visit) {
	w := v.tree
	v.tree, v.below = w.next, w.child
	v.take(w.step)
	w.next, d.freeWakeups = d.freeWakeups, w
}

// backtrack moves to the next sequence to visit. It returns false when there is
// none left.
func (d *worker) backtrack() bool {
	for n := len(d.path); n > 0; n = len(d.path) {
		v := &d.path[n-1]
		if d.resume(v) {
			d.order.cut(n - 1)
			return true
		}
		d.release(v.node)
		d.path = d.path[:n-1]
	}
	return false
}

// resume begins to visit what is left at a place, if there is anything.
func (d *worker) resume(v *visit) bool {
	d.lock(v.node)
	defer d.unlock(v.node)
	if v.opening {
		return false // another worker that is below will see to it
	}
	for v.tree != nil && d.covered(v.node, v.tree) {
		v.tree = v.tree.next
	}
	if v.tree == nil {
		return false
	}
	d.pull(v)
	return true
}

// races puts a reversing sequence into the tree for every race whose later step
// is new in the last execution, or was still to be taken when it ended early. If
// there is a new choice, all races are looked at: their sequences may hold it.
func (d *worker) races() {
	o := &d.order
	first := o.kept
	for i := o.kept; i < o.taken; i++ {
		if o.events[i].choices > 0 {
			first = 0
		}
	}
	if o.variations.unsure.Load() {
		for i := range first {
			if o.variations.varying.has(o.events[i].op) {
				d.racesAnew(i)
			}
		}
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
				s := step{task: e.task, choice: c, picks: true}
				sign := o.foresee(&d.feet, &s, i, i, nil)
				d.insert(d.path[i].node, append(o.notAfter(&d.feet, i), s), sign)
			}
		}
	}
}

// racesAnew looks again at the races of event i, which is older than this execution and
// may use something else where it is put: something that it does not race with here, and
// that has only now been taken without depending on what i is put before.
func (d *worker) racesAnew(i int) {
	o := &d.order
	for _, j := range o.racing(i) {
		d.reverseAnew(i, j)
	}
	for _, all := range o.jointly {
		slices.Sort(all)
		d.reverseAnew(i, all[0], all[1:]...)
	}
}

func (d *worker) reverseAnew(i, j int, others ...int) {
	o := &d.order
	s, _ := d.elsewhere(i, j, others)
	for k := o.kept; k < o.taken; k++ {
		if o.afterAny(k, others) || o.knows(o.events[k].clock, o.events[j].task, j) {
			continue
		}
		if s.wild || d.feet.conflict(s.uses, o.footprint(&d.feet, k)) {
			d.reverse(i, j, others...)
			return
		}
	}
}

// theEnd sees to what a violation has cut off. The step that broke the rule ended
// the execution for everybody, so it depends on all that the others had done and
// on all that they could have done next: it is to be tried before the one, and
// the other is to be tried before it.
func (d *worker) theEnd() {
	o := &d.order
	last := o.fatal
	if last < 0 {
		return
	}
	v := &d.path[last]
	d.lock(v.node)
	v.asleep[v.slot].fatal = true
	d.unlock(v.node)
	for i := o.taken; i < len(o.events); i++ {
		if e := &o.events[i]; e.task != o.events[last].task && o.possible(i) {
			s := step{task: e.task}
			sign := o.foresee(&d.feet, &s, i, last, nil)
			d.insert(v.node, append(o.sequence[:0], s), sign)
		}
	}
	for _, j := range o.beside(last) {
		if !d.m.BreaksWithout(func(i int) bool { return o.knows(o.events[i].clock, o.events[j].task, j) }) {
			continue // there it is a step like any other
		}
		s, sign := d.elsewhere(last, j, nil)
		s.fatal = true
		d.insert(d.path[j].node, append(o.notAfter(&d.feet, j), s), sign)
	}
}

// reverse puts into the tree before step j what happened without j and the
// others, which come later, and then step i.
func (d *worker) reverse(i, j int, others ...int) {
	s, sign := d.elsewhere(i, j, others)
	d.insert(d.path[j].node, append(d.order.notAfter(&d.feet, j, others...), s), sign)
}

// elsewhere is event i as a step of another execution, in which event j and others
// have not happened, with its signature.
func (d *worker) elsewhere(i, j int, others []int) (s step, sign uint64) {
	e := &d.order.events[i]
	s = step{task: e.task, choice: e.choice, picks: e.choices > 0}
	sign = d.order.foresee(&d.feet, &s, i, j, others)
	return s, sign
}
