package explore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"trapline/sim"
)

// ErrDependent is wrapped by the error of CheckIndependence if exchanging steps
// that use nothing in common has changed what happened.
var ErrDependent = errors.New("a step declares too little")

// DefaultSwapped is the number of executions that CheckIndependence draws if
// Options.Executions has none.
const DefaultSwapped = 200

// Swaps is what CheckIndependence has tried: so many exchanges in so many
// executions.
type Swaps struct{ Executions, Swaps int }

// CheckIndependence tests what every search with a reduction relies on: that
// steps which by their declared uses do not depend on each other can be taken in
// either order. It draws executions, exchanges neighbours of different tasks that
// are declared independent, one pair at a time, and compares: every later step
// must be possible and use the same things, every task must see the same values,
// and the verdict must be the same. If not, something shared is neither an object
// nor in a Cell, or a step declares less than it does, and the error names the two
// steps.
//
// It is a test, as good as its sample and as what the steps show of what they see:
// values count that go through words, cells and choices, or that the program folds
// itself, see [sim.Machine.Fold]. The options that matter are
// Executions, Seed, Setup, and Strategy, which must be one that draws executions,
// empty for Random. It stops early when the context ends.
func CheckIndependence(ctx context.Context, p sim.Program, o Options) (Swaps, error) {
	o.Strategy = cmp.Or(o.Strategy, Random)
	if !sampled(o.Strategy) {
		return Swaps{}, fmt.Errorf("explore: the strategy %s does not draw executions, as is needed here", o.Strategy)
	}
	m := sim.NewMachine()
	defer m.Close()
	if o.Setup != nil {
		o.Setup(m)
	}
	m.StateHash = true
	c := &swapper{ctx: ctx, program: p, m: m}
	drawn := newSample(&o)
	for i := 0; i < cmp.Or(o.Executions, DefaultSwapped) && ctx.Err() == nil; i++ {
		c.was.take(m, m.Run(p, drawn.begin(i)))
		drawn.ended(i, m)
		c.done.Executions++
		if err := c.pairs(); err != nil {
			return c.done, err
		}
	}
	return c.done, nil
}

// swapper exchanges the steps of one execution, a pair at a time.
type swapper struct {
	ctx     context.Context
	program sim.Program
	m       *sim.Machine
	done    Swaps
	was, is story // what happened before, and after the exchange
}

// story is what happened in an execution.
type story struct {
	sim.Outcome
	steps []told
	// waiting are the tasks that had a step pending at the end.
	waiting []told
}

// told is a step with all that it used.
type told struct {
	task            sim.TaskID
	op              sim.Op
	choice, choices int16
	uses            []sim.Access
}

func (s *story) take(m *sim.Machine, o sim.Outcome) {
	s.Outcome = o
	s.steps, s.waiting = s.steps[:0], s.waiting[:0]
	events := m.Events()
	for i := range events {
		e := &events[i]
		s.steps = append(s.steps, told{e.Task, e.Op, e.Choice, e.Choices, slices.Clone(m.Accesses(e))})
	}
	for _, t := range m.Unfinished() {
		s.waiting = append(s.waiting, told{task: t, op: m.PendingOp(t), uses: m.Pending(t, nil)})
	}
}

// same says whether two steps are of the same kind and use the same things.
func (t *told) same(u *told) bool {
	return t.alike(u) && slices.EqualFunc(t.uses, u.uses, sameUse)
}

// alike says whether they are of the same kind.
func (t *told) alike(u *told) bool {
	return t.task == u.task && t.op == u.op && t.choice == u.choice && t.choices == u.choices
}

// sameUse compares two accesses. What an object allowed before is left to itself:
// those who only add may find either.
func sameUse(a, b sim.Access) bool { return a.Obj == b.Obj && a.Mode == b.Mode && a.Need == b.Need }

// between says whether the steps before and after an exchange use the same things
// between them. Of two that add to an object the last one may do more, whichever that is:
// the one that drops the last reference frees.
func (c *swapper) between(i int) bool {
	was, is := c.was.steps[i:i+2], c.is.steps[i:i+2]
	if !was[0].alike(&is[1]) || !was[1].alike(&is[0]) || !was[0].addsWith(&was[1]) {
		return false
	}
	return covered(was, is) && covered(is, was)
}

func (t *told) addsWith(u *told) bool {
	return slices.ContainsFunc(t.uses, func(a sim.Access) bool {
		return a.Mode == sim.Add && slices.ContainsFunc(u.uses, func(b sim.Access) bool { return sameUse(a, b) })
	})
}

// covered says whether some steps use all that others use.
func covered(others, by []told) bool {
	for _, t := range others {
		for _, a := range t.uses {
			if !slices.ContainsFunc(by, func(u told) bool {
				return slices.ContainsFunc(u.uses, func(b sim.Access) bool { return sameUse(a, b) })
			}) {
				return false
			}
		}
	}
	return true
}

// pairs exchanges every pair of neighbours that were declared independent. The step
// that broke a rule ended the execution, so nothing can come after it.
func (c *swapper) pairs() error {
	last := len(c.was.steps) - 1
	if v := c.was.Violation; v != nil && !c.was.AtEnd {
		last--
	}
	for i := 0; i < last && c.ctx.Err() == nil; i++ {
		a, b := &c.was.steps[i], &c.was.steps[i+1]
		if a.task == b.task || conflict(a.uses, b.uses) {
			continue
		}
		s := &exchange{steps: c.was.steps, at: i}
		o := c.m.Run(c.program, s)
		if o.Learnt {
			return nil // what the steps were said to use is not all
		}
		c.is.take(c.m, o)
		c.done.Swaps++
		if what := c.difference(s); what != "" {
			return c.dependent(i, what)
		}
	}
	return nil
}

// exchange is the strategy that takes the same steps but for the one at at and the
// next, which change places.
type exchange struct {
	steps []told
	at    int
	lost  bool // some step could not be taken
}

// Choose takes the next step.
func (s *exchange) Choose(_ *sim.Machine, p *sim.Point) int {
	if p.Step < len(s.steps) {
		t := s.step(p.Step)
		if p.Tasks != nil {
			if i := slices.Index(p.Tasks, t.task); i >= 0 {
				return i
			}
		} else if p.N == int(t.choices) {
			return int(t.choice)
		}
	}
	s.lost = true
	return -1
}

// step is what is to be the i-th step.
func (s *exchange) step(i int) *told {
	switch i {
	case s.at:
		i++
	case s.at + 1:
		i--
	}
	return &s.steps[i]
}

// difference says what the exchange has changed, if anything.
func (c *swapper) difference(s *exchange) string {
	for i := range c.is.steps {
		if i < len(s.steps) && c.is.steps[i].same(s.step(i)) {
			continue
		}
		first := s.at // of the two
		if i != first && i != first+1 || len(c.is.steps) < first+2 || !c.between(first) {
			return fmt.Sprintf("step %d is another one, or uses something else", i)
		}
	}
	switch was, is := c.was.Violation, c.is.Violation; {
	case was == nil && is != nil:
		return fmt.Sprintf("it breaks a rule (%s)", is)
	case was != nil && is == nil && !s.lost:
		return fmt.Sprintf("it no longer breaks a rule (%s)", was)
	case was != nil && is != nil && !c.sameRule(s):
		return fmt.Sprintf("it breaks another rule (%s, not %s)", is, was)
	case len(c.is.steps) < len(s.steps):
		return fmt.Sprintf("step %d is not possible", len(c.is.steps))
	case s.lost:
		return "it has more steps"
	case !slices.EqualFunc(c.was.waiting, c.is.waiting, func(t, u told) bool { return t.same(&u) }):
		return "other tasks are left, or wait for something else"
	case c.was.State != c.is.State:
		return "the tasks see or leave other values"
	}
	return ""
}

// sameRule says whether the violations before and after the exchange are of one
// kind and have the same title, unless it is chance which of the tasks that break
// the rule together is blamed.
func (c *swapper) sameRule(s *exchange) bool {
	was, is := c.was.Violation, c.is.Violation
	switch {
	case was.Kind != is.Kind:
		return false
	case was.Key == is.Key, was.Kind == sim.LockOrder, was.Kind == sim.Recursive, was.Kind == sim.IRQUnsafe, was.Kind == sim.Leak:
		return true
	}
	titles := [2]string{}
	for i, at := range []int{len(s.steps), s.at} {
		if o := c.m.Record(c.program, &exchange{steps: s.steps, at: at}); o.Violation != nil {
			titles[i] = o.Violation.Title
		}
	}
	return titles[0] == titles[1]
}

// dependent is the error for step i and the next.
func (c *swapper) dependent(i int, what string) error {
	// On the same machine, for the names of tasks and objects.
	c.m.Record(c.program, &exchange{steps: c.was.steps, at: len(c.was.steps)})
	var steps []sim.Record
	for _, r := range c.m.Records() {
		if r.Remark == "" {
			steps = append(steps, r)
		}
	}
	if i+1 >= len(steps) {
		return fmt.Errorf("%w: schedule %s was not followed twice", ErrNondeterministic, c.m.Schedule())
	}
	a, b := &steps[i], &steps[i+1]
	return fmt.Errorf("%w: %s: %s (step %d) and %s: %s (step %d) of schedule %s were declared independent, but if they are exchanged %s",
		ErrDependent, a.Name, a.Text, i, b.Name, b.Text, i+1, c.m.Schedule(), what)
}
