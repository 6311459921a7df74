package explore

import (
	"context"
	"errors"
	"fmt"

	"trapline/sim"
	"trapline/sim/graph"
)

// runner runs the program on a machine of its own, for one worker of a search.
type runner struct {
	*search
	m     *sim.Machine
	last  sim.Outcome // of the last execution
	tally tally       // since the last time that it was added to the result
}

// tally counts executions.
type tally struct {
	executions, blocked, merged, cut, assumed, steps, longest, states, transitions int
}

// execute runs the program once and counts it. It returns false, and does
// nothing, when the search must stop.
func (r *runner) execute(strategy sim.Strategy) (ran bool, err error) {
	if !r.goOn() {
		return false, nil
	}
	o := r.m.Run(r.program, strategy)
	r.last = o
	if o.Learnt {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.learning = append(r.learning, lesson{schedule: r.m.Schedule(), aware: r.m.LockAware})
		return false, errLearnt
	}
	if d, ok := strategy.(divided); ok && d.foreign() {
		r.begun.Add(-1)
		return true, nil
	}
	t := &r.tally
	t.steps += o.Steps
	t.longest = max(t.longest, o.Steps)
	if r.minimising {
		r.simplifying += o.Steps
	}
	switch {
	case o.Abandoned && merges(r.options.Strategy):
		t.merged++
	case o.Abandoned:
		t.blocked++
	case o.Assumed && o.Violation == nil:
		t.assumed++
	case o.Cut:
		t.cut++
		r.stop(tooLong(r.m))
		r.cutOff(r.cuts.Add(1))
	case o.AtBound:
		t.cut++
	default:
		t.executions++
	}
	if o.Violation != nil {
		if err := r.violated(&o); err != nil {
			return false, err
		}
	}
	if o.Endless && !sampled(r.options.Strategy) {
		r.giveUp(endless)
	}
	if r.options.SelfCheck && !o.Abandoned {
		if err := r.again(o.Hash, r.m.Schedule()); err != nil {
			return false, err
		}
	}
	return true, nil
}

// divided is a strategy of which another shard may have to count an execution.
type divided interface{ foreign() bool }

// mostCut is how many executions a search without a budget cuts off before it gives
// up: to go on is seldom to come to an end.
const mostCut = 1000

// cutOff gives the search up if so many executions that were cut off are enough.
func (s *search) cutOff(n int64) {
	if n >= mostCut && !s.limited() {
		s.giveUp(fmt.Sprintf("%d of them were enough", n))
	}
}

// limited says that the search ends in any case.
func (s *search) limited() bool {
	_, timed := s.ctx.Deadline()
	return timed || s.budget > 0 || sampled(s.options.Strategy)
}

// endless is why a search is given up that can have no end.
const endless = "executions go on for ever"

// giveUp ends the search, which is not complete.
func (s *search) giveUp(why string) {
	if !s.minimising {
		s.stop(why)
		s.gaveUp.Store(true)
	}
}

// tooLong is why a search is not complete in which an execution was cut off.
func tooLong(m *sim.Machine) string {
	if m.MemoryFull() {
		return fmt.Sprintf("an execution had more than %d events of memory", graph.MaxEvents)
	}
	return fmt.Sprintf("an execution had more than %d steps", m.MaxSteps)
}

// add takes what a runner has counted into the result.
func (r *runner) add() {
	r.mu.Lock()
	defer r.mu.Unlock()
	t, sum := r.tally, r.result
	r.tally = tally{}
	if r.minimising {
		sum.Minimising += t.executions + t.blocked + t.merged + t.cut + t.assumed
		return
	}
	sum.Executions += t.executions
	sum.Blocked += t.blocked
	sum.Merged += t.merged
	sum.Cut += t.cut
	sum.Assumed += t.assumed
	sum.Steps += t.steps
	sum.States += t.states
	sum.Transitions += t.transitions
	sum.Longest = max(sum.Longest, t.longest)
}

// addAll does so for every runner.
func (s *search) addAll() {
	for _, r := range s.runners {
		r.add()
	}
}

// stop notes why the search is not complete.
func (s *search) stop(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped[why] && !s.minimising {
		s.stopped[why] = true
		if s.result.Stopped != "" {
			s.result.Stopped += "; "
		}
		s.result.Stopped += why
	}
}

// goOn says whether there is budget for another execution.
func (r *runner) goOn() bool {
	if r.gaveUp.Load() {
		return false
	}
	n := int(r.begun.Add(1)) - 1
	if n == longSearch {
		r.ease()
	}
	if n%256 == 0 {
		r.add()
		if n > 0 {
			r.progress()
		}
		if r.ctx.Err() != nil {
			r.stop(why(r.ctx))
			r.begun.Add(-1)
			return false
		}
	}
	if r.minimising && r.options.MinimiseExecutions == 0 && r.simplifying > mostMinimising {
		r.begun.Add(-1)
		return false
	}
	if r.budget > 0 && n >= r.budget {
		r.stop(ranOut(r.budget))
		r.begun.Add(-1)
		return false
	}
	return true
}

// why says what ended a context.
func why(ctx context.Context) string {
	cause := context.Cause(ctx)
	if errors.Is(cause, context.DeadlineExceeded) {
		return "the time was up"
	}
	return cause.Error()
}

// again runs a schedule on the second machine and compares.
func (s *search) again(hash uint64, schedule sim.Schedule) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	replay := sim.NewReplay(schedule)
	o := s.second.Run(s.program, replay)
	if err := replay.Done(); err != nil {
		return fmt.Errorf("%w: schedule %s: %w", ErrNondeterministic, schedule, err)
	}
	if o.Hash != hash {
		return fmt.Errorf("%w: schedule %s: trace hash %016x, then %016x", ErrNondeterministic, schedule, hash, o.Hash)
	}
	return nil
}
