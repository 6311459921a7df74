package explore

import (
	"errors"
	"fmt"
	"slices"

	"trapline/sim"
)

// ErrForgot is wrapped by the error of Run if two executions that were said to be
// in one state do not go on in the same way.
var ErrForgot = errors.New("two states were taken for one (does k.Forget forget something that matters?)")

// same tries whether the state in which the last execution was given up is the one
// that it was taken for: it goes on from both in one way, drawn at random, and
// compares the states and what can be done in them. A task that has forgotten
// something which matters will sooner or later do another thing.
func (w *stateSearch) same() error {
	var here []move
	for i := range w.path {
		x := &w.path[i]
		here = append(here, move{x.tasks[x.at], x.choice})
	}
	var there []move
	for e := &w.entries[w.merged]; e.parent >= 0; e = &w.entries[e.parent] {
		there = append(there, move{e.task, e.choice})
	}
	slices.Reverse(there)
	a := &continuation{path: there, seed: w.entries[w.merged].key}
	b := &continuation{path: here, seed: a.seed}
	was := w.m.Run(w.program, a)
	first := w.m.Schedule()
	is := w.m.Run(w.program, b)
	switch what := b.other(a, &is, &was); {
	case was.Learnt || is.Learnt:
		return errLearnt
	case what != "":
		return fmt.Errorf("%w: schedules %s and %s, after %d steps and after %d: %s", ErrForgot, first, w.m.Schedule(), len(there), len(here), what)
	}
	return nil
}

// move is a step of a path: who takes it, and with which choice.
type move struct {
	task   sim.TaskID
	choice int16
}

// continuation is the strategy that follows a path and then goes on at random.
type continuation struct {
	path  []move
	seed  uint64
	after []prospect
	lost  bool
}

// prospect is a state with the number of ways to go on in it, and a hash of them.
type prospect struct {
	state, ways uint64
	n           int
}

// farEnough is after how many steps a continuation ends.
const farEnough = 500

// Choose follows the path. After it, tasks are taken by their numbers, as it is
// another one that is running.
func (c *continuation) Choose(m *sim.Machine, p *sim.Point) int {
	if p.Step < len(c.path) {
		t := c.path[p.Step]
		i := int(t.choice)
		if p.Tasks != nil {
			i = slices.Index(p.Tasks, t.task)
		}
		c.lost = c.lost || i < 0
		return i
	}
	if p.Step > len(c.path)+farEnough {
		return -1
	}
	at := prospect{n: p.N}
	c.seed = fold(c.seed, uint64(p.N))
	pick := int(c.seed % uint64(p.N))
	if p.Tasks != nil {
		tasks := slices.Clone(p.Tasks)
		slices.Sort(tasks)
		for _, t := range tasks {
			at.ways = fold(at.ways, uint64(t)<<16|uint64(m.PendingOp(t)))
		}
		at.state = m.State()
		pick = slices.Index(p.Tasks, tasks[pick])
	}
	c.after = append(c.after, at)
	return pick
}

// other says what is another thing here than there.
func (c *continuation) other(there *continuation, is, was *sim.Outcome) string {
	if c.lost || there.lost {
		return "one of them is not possible any more"
	}
	for i := range c.after {
		if i >= len(there.after) || c.after[i] != there.after[i] {
			return fmt.Sprintf("%d steps later it is another one, or other steps are possible", i)
		}
	}
	switch {
	case len(c.after) < len(there.after):
		return fmt.Sprintf("%d steps later it ends", len(c.after))
	case (is.Violation == nil) != (was.Violation == nil), is.Violation != nil && is.Violation.Kind != was.Violation.Kind:
		return fmt.Sprintf("%d steps later another rule is broken, or none", len(c.after))
	}
	return ""
}
