package fuzz

import (
	"context"
	"fmt"
	"math/rand/v2"

	"trapline/scenarios/lifecycle"
	"trapline/sim"
	"trapline/sim/explore"
	"trapline/vm"
)

// Minimal is a small program that breaks a rule.
type Minimal struct {
	Program *lifecycle.Program
	// Finding is how, with a schedule that is as simple as it gets.
	Finding *explore.Finding
}

// tries is how many schedules are drawn for a smaller program before it is given up,
// and searched how many executions of the search that follows make sure of that.
const (
	tries    = 200
	searched = 1000
)

// Minimise makes a case that breaks a rule with the title smaller, as long as the
// title stays the same: first the program, for which other schedules are drawn as it
// shrinks, then the schedule. Then nothing more can be left out of the program, as far
// as a search with so many preemptions as are needed can tell. The same case comes to
// the same end each time. The error says that the case does not break the rule.
func Minimise(ctx context.Context, s *lifecycle.Subject, c *lifecycle.Case, title string, image *vm.Image) (*Minimal, error) {
	x := &minimiser{subject: s, image: image, title: title, r: rand.New(rand.NewPCG(2006, 0))}
	schedule, ok := x.shows(&c.Program, c.Schedule)
	if !ok {
		return nil, fmt.Errorf("fuzz: this does not break %q:\n%v", title, c)
	}
	best := &Minimal{Program: &c.Program}
	for again := true; again; {
		again = false
		for shrunk := true; shrunk; {
			shrunk = false
			for _, p := range best.Program.Smaller() {
				if ctx.Err() != nil {
					break
				}
				if found, ok := x.shows(p, c.Schedule); ok {
					best.Program, schedule, shrunk = p, found, true
					break
				}
			}
		}
		var err error
		best.Finding, err = explore.Minimise(ctx, s.Run(best.Program, image), schedule, explore.Options{})
		if err != nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return best, nil // what there is by then is small enough
		default:
		}
		for _, p := range best.Program.Smaller() {
			found, ok, err := x.search(ctx, p, best.Finding.Preemptions)
			if err != nil {
				return nil, err
			}
			if ok {
				best.Program, schedule, again = p, found, true
				break
			}
		}
	}
	return best, nil
}

// minimiser makes one case smaller.
type minimiser struct {
	subject *lifecycle.Subject
	image   *vm.Image
	title   string
	r       *rand.Rand
	kind    sim.Kind // of the violation, once it has been seen
}

// shows says whether the program breaks the rule: under the preemptions, or under some
// that are drawn. It returns the schedule.
func (x *minimiser) shows(p *lifecycle.Program, schedule []lifecycle.Preemption) (sim.Schedule, bool) {
	t := newTrial(x.subject, p, x.image)
	defer t.close()
	c := &lifecycle.Case{Program: *p, Schedule: schedule}
	steps := 0
	for i := range tries {
		if i > 0 {
			c.DrawSchedule(picker(x.r), max(steps/(1+x.r.IntN(4)), 2))
		}
		o := t.run(c.Strategy())
		steps = max(steps, o.Steps)
		if o.Violation == nil || x.kind != (sim.Kind{}) && o.Violation.Kind != x.kind {
			continue
		}
		found := t.m.Schedule()
		if t.title() == x.title {
			x.kind = o.Violation.Kind
			return found, true
		}
	}
	return nil, false
}

// search looks for the rule among all executions with at most so many preemptions.
func (x *minimiser) search(ctx context.Context, p *lifecycle.Program, preemptions int) (sim.Schedule, bool, error) {
	r, err := explore.Run(ctx, x.subject.Run(p, x.image), explore.Options{
		Strategy: explore.Bounded, Preemptions: preemptions, Executions: searched, MinimiseExecutions: 1,
	})
	if err != nil {
		return nil, false, err
	}
	for _, f := range r.Findings {
		if f.Violation.Title == x.title {
			return f.Schedule, true, nil
		}
	}
	return nil, false, nil
}
