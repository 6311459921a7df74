package explore

import (
	"cmp"
	"fmt"
	"slices"

	"trapline/sim"
)

// finding is a Finding in the making.
type finding struct {
	keys        []uint64
	title       string
	schedule    sim.Schedule
	steps       int
	preemptions int
	minimal     bool
	first       int // see Finding
}

// violated enters the violation of the last execution into the findings.
func (r *runner) violated(o *sim.Outcome) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.result.First == 0 && !r.minimising {
		r.result.First = int(r.begun.Load())
	}
	if keyed(o.Violation) {
		for _, f := range r.found {
			if slices.Contains(f.keys, o.Violation.Key) {
				r.better(f, o)
				return nil
			}
		}
	}
	recorded, err := r.record(o)
	if err != nil {
		return err
	}
	title := recorded.Violation.Title
	for _, f := range r.found {
		if f.title == title {
			f.keys = append(f.keys, o.Violation.Key)
			r.better(f, o)
			return nil
		}
	}
	f := &finding{
		keys: []uint64{o.Violation.Key}, title: title,
		schedule: r.m.Schedule(), steps: o.Steps, preemptions: o.Preemptions,
	}
	if !r.minimising {
		f.first = int(r.begun.Load())
	}
	r.found = append(r.found, f)
	return nil
}

// keyed says whether the key of a violation tells its title. Some titles name
// places that only a recording knows.
func keyed(v *sim.Violation) bool {
	switch v.Kind {
	case sim.Deadlock, sim.Livelock, sim.LostWakeup, sim.Leak, sim.DataRace:
		return false
	}
	return true
}

// record runs the last execution, which broke a rule, again and records it.
func (r *runner) record(o *sim.Outcome) (sim.Outcome, error) {
	schedule := r.m.Schedule()
	replay := sim.NewReplay(schedule)
	recorded := r.second.Record(r.program, replay)
	if err := replay.Done(); err != nil {
		return recorded, fmt.Errorf("%w: schedule %s: %w", ErrNondeterministic, schedule, err)
	}
	if recorded.Violation == nil || recorded.Hash != o.Hash {
		if r.m.LockAware {
			return recorded, errOrdered
		}
		return recorded, fmt.Errorf("%w: schedule %s breaks a rule only the first time", ErrNondeterministic, schedule)
	}
	return recorded, nil
}

// better keeps the last execution as the example of f if it is the simpler one.
// Among equals workers settle for the one that comes first in the alphabet, as it
// is a matter of chance which of them they find first.
func (r *runner) better(f *finding, o *sim.Outcome) {
	c := cmp.Or(cmp.Compare(o.Preemptions, f.preemptions), cmp.Compare(o.Steps, f.steps))
	if c == 0 && r.joined.Load() {
		c = cmp.Compare(r.m.Schedule().String(), f.schedule.String())
	}
	if c < 0 {
		f.schedule, f.steps, f.preemptions = r.m.Schedule(), o.Steps, o.Preemptions
	}
}

// minimise looks for schedules with fewer preemptions, bound by bound. When every
// finding is known to have the fewest it goes on for a while, until the bound does
// not matter: in a program that breaks several rules one can hide another from the
// first search. What it has no budget for is made simpler as far as that goes.
func (s *search) minimise() error {
	s.addAll()
	s.conclude()
	s.minimising, s.simplifying = true, 0
	s.setLockAware(false)
	s.begun.Store(0)
	s.budget = cmp.Or(s.options.MinimiseExecutions, DefaultMinimise)
	if s.gaveUp.Swap(false) {
		s.budget = min(s.budget, endlessMinimise)
	}
	for bound := 0; !s.weak(); bound++ {
		visited, err := s.boundedBy(preemptions, bound, undivided)
		if err != nil {
			return err
		}
		all := true
		for _, f := range s.found {
			// Every execution with fewer than bound preemptions has been seen.
			f.minimal = f.preemptions <= bound || visited == everything
			all = all && f.minimal
		}
		if all {
			s.budget = min(s.budget, afterwards)
		}
		if visited != within {
			break
		}
	}
	for _, f := range s.found {
		if s.outdated(f) {
			continue // it is an example all the same
		}
		if !f.minimal || sampled(s.options.Strategy) { // one that is drawn is seldom simple
			if err := s.shrink(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// outdated says that the schedule of f is from before the machine learnt something: it
// counts steps as only a machine does that does not know of it.
func (s *search) outdated(f *finding) bool {
	reasons := func(schedule sim.Schedule) (n int) {
		for _, t := range schedule {
			if t.Reason() {
				n++
			}
		}
		return n
	}
	return reasons(f.schedule) < reasons(s.machine.Schedule())
}

// report records the example of each finding and puts the simplest first.
func (s *search) report() error {
	s.addAll()
	if !s.minimising {
		s.conclude()
	}
	slices.SortFunc(s.found, func(a, b *finding) int {
		return cmp.Or(cmp.Compare(a.preemptions, b.preemptions), cmp.Compare(a.steps, b.steps), cmp.Compare(a.title, b.title))
	})
	for _, f := range s.found {
		m := s.second
		if s.outdated(f) {
			m = sim.NewMachine()
			defer m.Close()
			s.setUp(m)
		}
		replay := sim.NewReplay(f.schedule)
		o := m.Record(s.program, replay)
		if o.Violation == nil || o.Violation.Title != f.title {
			return fmt.Errorf("%w: schedule %s no longer gives %q", ErrNondeterministic, f.schedule, f.title)
		}
		s.result.Findings = append(s.result.Findings, &Finding{
			Violation: o.Violation, Schedule: f.schedule, Hash: o.Hash, First: f.first,
			Steps: o.Steps, Preemptions: f.preemptions, Switches: switches(m), Minimal: f.minimal,
			Records: slices.Clone(m.Records()),
		})
	}
	s.result.Complete = s.result.Stopped == ""
	s.result.Part = s.part()
	s.result.LockAware = s.lockAware
	s.result.Symmetric = s.machine.Symmetric()
	s.result.Forgot = s.options.Strategy == States && s.machine.Forgot()
	return nil
}
