package fuzz

import (
	"fmt"

	"trapline/scenarios/lifecycle"
	"trapline/sim"
	"trapline/vm"
)

// trial is a program on a machine of its own: what a machine learns of one program is
// not about another one.
type trial struct {
	m       *sim.Machine
	program sim.Program
}

func newTrial(s *lifecycle.Subject, p *lifecycle.Program, image *vm.Image) *trial {
	return &trial{m: sim.NewMachine(), program: s.Run(p, image)}
}

func (t *trial) close() { t.m.Close() }

// run executes the program once.
func (t *trial) run(s sim.Restarter) sim.Outcome {
	for {
		o := t.m.Run(t.program, s)
		if !o.Learnt {
			return o
		}
		s.Restart()
	}
}

// title is that of the rule which the last execution broke. It is known only when
// the execution is recorded.
func (t *trial) title() string {
	schedule := t.m.Schedule()
	o := t.m.Record(t.program, sim.NewReplay(schedule))
	if o.Violation == nil {
		panic(fmt.Sprintf("fuzz: schedule %s breaks a rule only the first time", schedule))
	}
	return o.Violation.Title
}

// Run executes a case once, and returns the rule that it breaks, nil if it breaks
// none. The error says that it has no end.
func Run(s *lifecycle.Subject, c *lifecycle.Case, image *vm.Image) (*sim.Violation, error) {
	t := newTrial(s, &c.Program, image)
	defer t.close()
	o := t.run(c.Strategy())
	switch {
	case o.Cut:
		return nil, fmt.Errorf("more than %d steps", t.m.MaxSteps)
	case o.Violation == nil:
		return nil, nil
	}
	return t.m.Record(t.program, sim.NewReplay(t.m.Schedule())).Violation, nil
}
