package explore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"trapline/sim"
)

// ErrNondeterministic is wrapped by the error of Run if the program did
// something else when the same schedule was run again.
var ErrNondeterministic = errors.New("the program is not deterministic")

// Run explores p. It stops early, with what it has found so far, when the
// context ends. The error is not about the program's rules: it says that the
// options are wrong or that the program is not deterministic.
func Run(ctx context.Context, p sim.Program, o Options) (*Result, error) {
	if o.Strategy == "" {
		o.Strategy = DPOR
	}
	if min(o.Preemptions, o.Delays, o.TaskSteps, o.Executions, o.MinimiseExecutions, o.Workers, o.Estimate) < 0 {
		return nil, fmt.Errorf("explore: a bound or a budget below 0 (0 is no budget): %d preemptions, %d delays, %d steps of each task, %d and %d executions, %d workers, %d probes",
			o.Preemptions, o.Delays, o.TaskSteps, o.Executions, o.MinimiseExecutions, o.Workers, o.Estimate)
	}
	if err := o.Shard.check(); err != nil {
		return nil, err
	}
	if o.Depth < 0 || o.Depth > MostDepth {
		return nil, fmt.Errorf("explore: no bug has depth %d (want 1 to %d, or 0 for %d)", o.Depth, MostDepth, DefaultDepth)
	}
	if o.Workers > mostWorkers {
		return nil, fmt.Errorf("explore: %d workers are too many (want up to %d)", o.Workers, mostWorkers)
	}
	if o.Strategy != DPOR {
		o.Workers = 1
	}
	resumed, err := o.resume()
	if err != nil {
		return nil, err
	}
	s := newSearch(ctx, p, o, resumed)
	defer s.close()
	if err := s.weakly(); err != nil {
		return nil, err
	}
	if err := s.resume(resumed); err != nil {
		return nil, err
	}
	defer s.watch()()
	for {
		err := s.run()
		if errors.Is(err, errOrdered) {
			s.lockAware = false
		} else if !errors.Is(err, errLearnt) {
			if err != nil {
				return nil, err
			}
			return s.result, nil
		}
		// What earlier executions said of their steps was not all.
		s.startAgain()
		s.result.Stopped, s.stopped = "", map[string]bool{}
		s.found, s.minimising, s.budget, s.result.First = nil, false, o.Executions, 0
		s.begun.Store(0)
		s.resumed = nil
	}
}

// errLearnt says that the machine has learnt something, see [sim.Outcome].
var errLearnt = errors.New("explore: the machine has learnt something")

// errOrdered says that a machine that is aware of locks saw a rule broken where
// another does not: what the first goes by is too little.
var errOrdered = errors.New("explore: the order of critical sections matters")

// run makes the search once, and then the one for fewer preemptions.
func (s *search) run() error {
	var err error
	switch s.options.Strategy {
	case DPOR:
		if s.weak() {
			err = s.graphs()
		} else {
			err = s.dpor()
		}
	case Bounded:
		err = s.bounded(preemptions, s.options.Preemptions)
	case States:
		err = s.states()
	case Delays:
		err = s.bounded(delays, s.options.Delays)
	case Random, PCT, POS, SURW:
		err = s.sample()
	default:
		err = fmt.Errorf("explore: no strategy %q (there are %v)", s.options.Strategy, Strategies())
	}
	if err == nil && len(s.found) > 0 {
		err = s.minimise()
	}
	if err != nil {
		return err
	}
	return s.report()
}

// search is the state that the strategies and the workers share.
type search struct {
	ctx     context.Context
	program sim.Program
	options Options
	runners []*runner
	machine *sim.Machine // of the first runner

	// lockAware is Options.LockAware, unless it has been given up.
	lockAware bool

	begun atomic.Int64 // executions, since the search began or began again
	cuts  atomic.Int64 // those of them that were cut off
	// gaveUp says that there is no end to what is left to visit.
	gaveUp atomic.Bool
	// joined says that several workers have made the search.
	joined atomic.Bool
	// eased says that the collector runs less often for this search.
	eased atomic.Bool
	// ripe says that it is time for a checkpoint, and notBefore (in Unix nanoseconds) when
	// the next one may come.
	ripe      atomic.Bool
	notBefore atomic.Int64
	resumed   *checkpoint // what is to be resumed, nil once that is done
	print     uint64      // of the program, if it is needed
	divided   int         // the depth of the division

	mu      sync.Mutex   // for all that follows
	second  *sim.Machine // runs schedules again
	result  *Result
	found   []*finding
	budget  int
	stopped map[string]bool
	// The estimate is drawn by estimator, or made by outline, of a tree with toCome
	// branches left at each place, within a bound. It is not asked for if both are nil.
	estimator *estimator
	outline   *outline
	toCome    func() []int
	within    string
	// minimising says that the counts belong to the second search.
	minimising bool
	// simplifying counts the steps of that one.
	simplifying int
	// learning are the executions in which the machine, or the search, has learnt
	// something.
	learning []lesson
	// shared is what others have to know of a shard of a search by graphs.
	shared Part
	// visited are the states of a shard.
	visited []uint64
}

// lesson is an execution in which something was learnt.
type lesson struct {
	schedule sim.Schedule
	aware    bool // the machine was aware of locks
	ours     bool // the search has learnt it, and not the machine
}

func newSearch(ctx context.Context, p sim.Program, o Options, resumed *checkpoint) *search {
	s := &search{ctx: ctx, program: p, options: o, stopped: map[string]bool{}}
	s.result = &Result{}
	s.startAgain()
	s.budget = o.Executions
	s.lockAware = o.LockAware && o.Strategy == DPOR
	s.machine, s.second = sim.NewMachine(), sim.NewMachine()
	if resumed != nil {
		s.machine.Adopt(resumed.Names) // Resume has tried it
	}
	for i := range max(o.Workers, 1) {
		m := s.machine
		if i > 0 {
			m = m.Sibling()
		}
		s.runners = append(s.runners, &runner{search: s, m: m})
	}
	s.setUp(s.second)
	for _, r := range s.runners {
		s.setUp(r.m)
	}
	if o.Estimate > 0 && o.Strategy == DPOR && !s.weak() {
		s.estimator = newEstimator(p)
		s.setUp(s.estimator.m)
	}
	return s
}

// setUp makes a machine what the options say.
func (s *search) setUp(m *sim.Machine) {
	m.MaxTaskSteps = s.options.TaskSteps
	m.Memory = s.options.Memory
	if s.options.Setup != nil {
		s.options.Setup(m)
	}
}

func (s *search) close() {
	s.unease()
	s.second.Close()
	for _, r := range s.runners {
		r.m.Close()
	}
	if s.estimator != nil {
		s.estimator.m.Close()
	}
}

// setLockAware has the machines of the search be aware of locks, or not.
func (s *search) setLockAware(on bool) {
	for _, r := range s.runners {
		r.m.LockAware = on
	}
	if s.estimator != nil {
		s.estimator.setLockAware(on)
	}
}

// startAgain forgets what was counted, but not what was found.
func (s *search) startAgain() {
	s.gaveUp.Store(false)
	s.cuts.Store(0)
	for _, r := range s.runners {
		r.tally = tally{}
	}
	r, o := s.result, &s.options
	*r = Result{
		Strategy: o.Strategy, Memory: s.memory(), Preemptions: o.Preemptions, Delays: o.Delays, TaskSteps: o.TaskSteps, Seed: o.Seed,
		Stopped: r.Stopped, First: r.First, Estimate: r.Estimate,
	}
}
