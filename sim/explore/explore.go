// Package explore runs a program through its executions: all of them, those
// with few preemptions, or a random sample. It says which rules they break,
// with the schedule that has the fewest preemptions, and exactly what was
// covered.
//
// Start at [Run]; dpor.go is the exhaustive search, bounded.go the one that
// counts preemptions, random.go the sample.
package explore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"trapline/sim"
)

// The strategies.
const (
	// DPOR visits every Mazurkiewicz trace of the program once.
	DPOR = "dpor"
	// Bounded visits every state that can be reached with a given number of
	// preemptions.
	Bounded = "bounded"
	// Random visits executions drawn from a seed.
	Random = "random"
)

// Strategies lists the names that Options.Strategy may have.
func Strategies() []string { return []string{DPOR, Bounded, Random} }

// Options say how to explore. The zero value is an exhaustive search without a
// budget.
type Options struct {
	// Strategy is one of Strategies; empty means DPOR.
	Strategy string
	// Preemptions bounds the search of the strategy Bounded.
	Preemptions int
	// Executions is the budget, 0 for none. It covers the search; the search
	// for fewer preemptions has MinimiseExecutions.
	Executions int
	// MinimiseExecutions bounds the second search, for the schedules with the
	// fewest preemptions, 0 for DefaultMinimise.
	MinimiseExecutions int
	// Seed is the seed of the strategy Random.
	Seed uint64
	// SelfCheck runs every schedule twice and compares what happened.
	SelfCheck bool
	// Setup, if not nil, is applied to every machine before it is used.
	Setup func(m *sim.Machine)
	// Progress, if not nil, is told now and then how far the search is.
	Progress func(r *Result)
}

// DefaultMinimise is the budget of the search for fewer preemptions.
const DefaultMinimise = 50_000

// afterwards bounds the second search when all findings are known to be minimal.
const afterwards = 5_000

// DefaultRandom is the number of executions of the strategy Random if neither
// Options.Executions nor the context has a limit.
const DefaultRandom = 10_000

// Finding is one way in which a program breaks a rule. Findings are told apart
// by title.
type Finding struct {
	// Violation is complete: it comes from a recorded execution.
	Violation *sim.Violation
	// Schedule replays it, Hash is the hash of that execution.
	Schedule sim.Schedule
	Hash     uint64
	// Steps and Preemptions describe that execution.
	Steps, Preemptions int
	// Minimal says that no execution with fewer preemptions has this title.
	Minimal bool
	// Records is what happened.
	Records []sim.Record
}

// Result is what an exploration came to.
type Result struct {
	// Strategy, Preemptions and Seed repeat the options.
	Strategy    string
	Preemptions int
	Seed        uint64
	// Findings are the rules broken, fewest preemptions first.
	Findings []*Finding
	// Complete says that the strategy visited all that it set out to visit;
	// if not, Stopped says why.
	Complete bool
	Stopped  string
	// Executions counts complete executions (Bounded goes through the bounds
	// from 0 up, and counts what it visits again), Blocked those that turned out to
	// be equivalent to another one before their end, Merged those given up in
	// a state that had been visited, and Cut those that had too many steps.
	Executions, Blocked, Merged, Cut int
	// Varying says that steps of the same kind were seen to use different things
	// in different places (a wake-up finds other waiters). DPOR then relies on
	// less, and may have visited an interleaving more than once.
	Varying bool
	// Steps counts the steps of all of them, Longest those of the longest.
	Steps, Longest int
	// Minimising counts the executions of the second search.
	Minimising int
}

// The verdicts.
const (
	Violation    = "violation"
	Clean        = "clean"
	Inconclusive = "inconclusive"
)

// Verdict is "violation" if a rule was broken, "clean" if none was and the
// search was complete within its bound, and "inconclusive" otherwise.
func (r *Result) Verdict() string {
	switch {
	case len(r.Findings) > 0:
		return Violation
	case r.Complete && r.Strategy != Random:
		return Clean
	default:
		return Inconclusive
	}
}

// Coverage says in one line what was covered.
func (r *Result) Coverage() string {
	counts := fmt.Sprintf("%d executions, %d blocked", r.Executions, r.Blocked)
	if r.Strategy == Bounded {
		counts = fmt.Sprintf("%d executions, %d merged", r.Executions, r.Merged)
	}
	counts += fmt.Sprintf(", %d steps", r.Steps)
	switch {
	case r.Strategy == Random:
		return fmt.Sprintf("random sample, seed %d (%s): %s", r.Seed, r.Stopped, counts)
	case !r.Complete:
		return fmt.Sprintf("incomplete (%s): %s", r.Stopped, counts)
	case r.Strategy == Bounded:
		return fmt.Sprintf("complete up to %d preemptions: %s", r.Preemptions, counts)
	default:
		return "complete: every interleaving, " + counts
	}
}

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
	if o.Preemptions < 0 || o.Executions < 0 || o.MinimiseExecutions < 0 {
		return nil, fmt.Errorf("explore: a bound or a budget below 0 (0 is no budget): %d preemptions, %d and %d executions", o.Preemptions, o.Executions, o.MinimiseExecutions)
	}
	s := &search{ctx: ctx, program: p, options: o, stopped: map[string]bool{}}
	s.result = &Result{Strategy: o.Strategy, Preemptions: o.Preemptions, Seed: o.Seed}
	s.budget = o.Executions
	s.machine, s.second = s.newMachine(), s.newMachine()
	defer s.machine.Close()
	defer s.second.Close()
	for {
		err := s.run()
		if !errors.Is(err, errLearnt) {
			if err != nil {
				return nil, err
			}
			return s.result, nil
		}
		// What earlier executions said of their steps was not all.
		s.startAgain()
		s.found, s.minimising, s.budget = nil, false, o.Executions
	}
}

// errLearnt says that the machine has learnt something, see [sim.Outcome].
var errLearnt = errors.New("explore: the machine has learnt something")

// run makes the search once, and then the one for fewer preemptions.
func (s *search) run() error {
	var err error
	switch s.options.Strategy {
	case DPOR:
		err = s.dpor()
	case Bounded:
		err = s.bounded(s.options.Preemptions)
	case Random:
		err = s.random()
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

// search is the state that the strategies share.
type search struct {
	ctx     context.Context
	program sim.Program
	options Options
	machine *sim.Machine // runs the search
	second  *sim.Machine // runs schedules again
	last    sim.Outcome  // of the last execution
	result  *Result
	found   []*finding
	budget  int
	before  int // executions before the search started again
	stopped map[string]bool
	// minimising says that the counts belong to the second search.
	minimising bool
}

// finding is a Finding in the making.
type finding struct {
	keys        []uint64
	title       string
	schedule    sim.Schedule
	steps       int
	preemptions int
	minimal     bool
}

func (s *search) newMachine() *sim.Machine {
	m := sim.NewMachine()
	if s.options.Setup != nil {
		s.options.Setup(m)
	}
	return m
}

// execute runs the program once and counts it. It returns false, and does
// nothing, when the search must stop.
func (s *search) execute(strategy sim.Strategy) (ran bool, err error) {
	if !s.goOn() {
		return false, nil
	}
	o := s.machine.Run(s.program, strategy)
	s.last = o
	if o.Learnt {
		return false, errLearnt
	}
	r := s.result
	if s.minimising {
		r.Minimising++
	} else {
		r.Steps += o.Steps
		r.Longest = max(r.Longest, o.Steps)
		switch {
		case o.Abandoned && r.Strategy == Bounded:
			r.Merged++
		case o.Abandoned:
			r.Blocked++
		case o.Cut:
			r.Cut++
			s.stop(fmt.Sprintf("an execution had more than %d steps", s.machine.MaxSteps))
		default:
			r.Executions++
		}
	}
	if o.Violation != nil {
		if err := s.violated(&o); err != nil {
			return false, err
		}
	}
	if s.options.SelfCheck && !o.Abandoned {
		if err := s.again(o.Hash, s.machine.Schedule()); err != nil {
			return false, err
		}
	}
	return true, nil
}

// stop notes why the search is not complete.
func (s *search) stop(why string) {
	if !s.stopped[why] && !s.minimising {
		s.stopped[why] = true
		if s.result.Stopped != "" {
			s.result.Stopped += "; "
		}
		s.result.Stopped += why
	}
}

// goOn says whether there is budget for another execution.
func (s *search) goOn() bool {
	r := s.result
	n := s.before + r.Executions + r.Blocked + r.Merged + r.Cut
	if s.minimising {
		n = r.Minimising
	}
	if n%256 == 0 {
		if s.options.Progress != nil && n > 0 {
			s.options.Progress(r)
		}
		if s.ctx.Err() != nil {
			s.stop(context.Cause(s.ctx).Error())
			return false
		}
	}
	if s.budget > 0 && n >= s.budget {
		s.stop(fmt.Sprintf("stopped after %d executions", n))
		return false
	}
	return true
}

// startAgain forgets what was counted, but not what was found.
func (s *search) startAgain() {
	r := s.result
	s.before += r.Executions + r.Blocked + r.Merged + r.Cut
	*r = Result{Strategy: r.Strategy, Preemptions: r.Preemptions, Seed: r.Seed, Stopped: r.Stopped}
}

// again runs a schedule on the second machine and compares.
func (s *search) again(hash uint64, schedule sim.Schedule) error {
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

// violated enters the violation of the last execution into the findings.
func (s *search) violated(o *sim.Outcome) error {
	switch o.Violation.Kind {
	case sim.Deadlock, sim.LostWakeup, sim.Leak, sim.DataRace:
		// Their titles name places that only a recording knows.
	default:
		for _, f := range s.found {
			if slices.Contains(f.keys, o.Violation.Key) {
				s.better(f, o)
				return nil
			}
		}
	}
	schedule := s.machine.Schedule()
	replay := sim.NewReplay(schedule)
	recorded := s.second.Record(s.program, replay)
	if err := replay.Done(); err != nil {
		return fmt.Errorf("%w: schedule %s: %w", ErrNondeterministic, schedule, err)
	}
	if recorded.Violation == nil || recorded.Hash != o.Hash {
		return fmt.Errorf("%w: schedule %s breaks a rule only the first time", ErrNondeterministic, schedule)
	}
	title := recorded.Violation.Title
	for _, f := range s.found {
		if f.title == title {
			f.keys = append(f.keys, o.Violation.Key)
			s.better(f, o)
			return nil
		}
	}
	s.found = append(s.found, &finding{
		keys: []uint64{o.Violation.Key}, title: title,
		schedule: schedule, steps: o.Steps, preemptions: o.Preemptions,
	})
	return nil
}

// better keeps the last execution as the example of f if it is the simpler one.
func (s *search) better(f *finding, o *sim.Outcome) {
	if c := cmp.Or(cmp.Compare(o.Preemptions, f.preemptions), cmp.Compare(o.Steps, f.steps)); c < 0 {
		f.schedule, f.steps, f.preemptions = s.machine.Schedule(), o.Steps, o.Preemptions
	}
}

// minimise looks for schedules with fewer preemptions, bound by bound. When every
// finding is known to have the fewest it goes on for a while, until the bound does
// not matter: in a program that breaks several rules one can hide another from the
// first search.
func (s *search) minimise() error {
	s.minimising = true
	s.budget = cmp.Or(s.options.MinimiseExecutions, DefaultMinimise)
	for bound := 0; ; bound++ {
		visited, err := s.boundedBy(bound)
		all := true
		for _, f := range s.found {
			// Every execution with fewer than bound preemptions has been seen.
			f.minimal = f.preemptions <= bound || visited == everything
			all = all && f.minimal
		}
		if all {
			s.budget = min(s.budget, afterwards)
		}
		if err != nil || visited != within {
			return err
		}
	}
}

// report records the example of each finding and puts the simplest first.
func (s *search) report() error {
	slices.SortFunc(s.found, func(a, b *finding) int {
		return cmp.Or(cmp.Compare(a.preemptions, b.preemptions), cmp.Compare(a.steps, b.steps), cmp.Compare(a.title, b.title))
	})
	for _, f := range s.found {
		replay := sim.NewReplay(f.schedule)
		o := s.second.Record(s.program, replay)
		if o.Violation == nil || o.Violation.Title != f.title {
			return fmt.Errorf("%w: schedule %s no longer gives %q", ErrNondeterministic, f.schedule, f.title)
		}
		s.result.Findings = append(s.result.Findings, &Finding{
			Violation: o.Violation, Schedule: f.schedule, Hash: o.Hash,
			Steps: o.Steps, Preemptions: f.preemptions, Minimal: f.minimal,
			Records: slices.Clone(s.second.Records()),
		})
	}
	s.result.Complete = s.result.Stopped == ""
	return nil
}
