package explore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"trapline/sim"
	"trapline/sim/graph"
	"trapline/sim/memory"
)

// The strategies.
const (
	// DPOR visits every Mazurkiewicz trace of the program once.
	DPOR = "dpor"
	// Bounded visits every state that can be reached with a given number of
	// preemptions.
	Bounded = "bounded"
	// States visits every state of the program once, and not every way to it.
	States = "states"
	// Delays visits every state that can be reached with a given number of delays.
	Delays = "delays"
	// Random visits executions drawn from a seed: a uniform random walk.
	Random = "random"
	// PCT, POS and SURW draw executions in other ways: by random priorities of
	// tasks with a few changes, by random priorities of steps, and so that all
	// orders of some of the steps are equally likely.
	PCT  = "pct"
	POS  = "pos"
	SURW = "surw"
)

// Strategies lists the names that Options.Strategy may have.
func Strategies() []string {
	return append([]string{DPOR, Bounded, Delays, States}, Samples()...)
}

// Samples lists those of them that draw executions from a seed.
func Samples() []string { return []string{Random, PCT, POS, SURW} }

// Options say how to explore. The zero value is an exhaustive search without a
// budget.
type Options struct {
	// Strategy is one of Strategies; empty means DPOR.
	Strategy string
	// Preemptions bounds the search of the strategy Bounded, and Delays that of the
	// strategy Delays.
	Preemptions, Delays int
	// TaskSteps, with any strategy, bounds the steps that each task takes in an
	// execution, 0 for no bound. A search can be complete up to it, also of a program
	// that does not end. Executions that it cuts off are not asked whether somebody
	// waits for ever or what is left at the end.
	TaskSteps int
	// Executions is the budget, 0 for none. It covers the search; the search
	// for fewer preemptions has MinimiseExecutions.
	Executions int
	// MinimiseExecutions bounds the second search, for the schedules with the
	// fewest preemptions, 0 for DefaultMinimise.
	MinimiseExecutions int
	// Seed is the seed of the strategies that draw executions: Random, PCT, POS
	// and SURW.
	Seed uint64
	// Depth is the bug depth that PCT aims at, 0 for DefaultDepth.
	Depth int
	// Shard is the part of the search to make: of the sample, of the interleavings, or
	// of the states.
	Shard Shard
	// Learnt are executions with which the machine of a shard is to begin, so
	// that it knows what others have learnt, see [Part].
	Learnt []sim.Schedule
	// SelfCheck runs every schedule twice and compares what happened.
	SelfCheck bool
	// Workers is how many goroutines search at the same time, 0 for one. Only
	// the strategy DPOR uses more than one. The program must be safe to be called
	// by all of them.
	Workers int
	// Alone is the number of executions that one worker makes before the others
	// join it: a short search is then the same, whatever their number.
	Alone int
	// Checkpoint, if not nil, is given now and then, and when the search ends, what
	// it takes to resume the search. It is for a file. CheckpointEvery is how
	// often, 0 for DefaultCheckpointEvery, negative for after every execution. An
	// error ends the search.
	Checkpoint      func(state []byte) error
	CheckpointEvery time.Duration
	// Resume is what Checkpoint was given by an earlier search with the same
	// program and the same options, but for the budgets and the number of workers.
	// Its executions count. If the machine learns something more of the program,
	// the search begins anew, as any search does.
	Resume []byte
	// LockAware has the strategy DPOR not explore the order of critical sections
	// of one mutex or spinlock that commute, as far as the lock is fit for it
	// (see sim/section.go). What is found, and the end states, are the same.
	LockAware bool
	// Estimate is how many executions an estimate of the size of the search, see
	// Result.Estimate, may be drawn from, 0 for none. Only the strategy DPOR makes
	// one: as it goes on, for Progress, and when it stops before it is done. A few
	// hundred will do.
	Estimate int
	// Memory is the memory model. With another one than SC there are the strategies
	// DPOR, which then goes by execution graphs (see graphs.go), Random and PCT, POS
	// and SURW; DPOR has one worker, no shards, and cannot be resumed.
	Memory memory.Model
	// AllowIncomplete lets Check pass a search that is not complete.
	AllowIncomplete bool
	// Setup, if not nil, is applied to every machine before it is used.
	Setup func(m *sim.Machine)
	// Progress, if not nil, is told now and then how far the search is.
	Progress func(r *Result)
}

// DefaultMinimise is the budget of the search for fewer preemptions.
const DefaultMinimise = 50_000

// endlessMinimise is the same for a search that has given up, as what it visits has no
// end.
const endlessMinimise = 1_000

// afterwards bounds the second search when all findings are known to be minimal.
const afterwards = 5_000

// mostWorkers is how many workers a search can have. Each has a machine.
const mostWorkers = 1024

// DefaultRandom is the number of executions of a sample if neither
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
	// Steps and Preemptions describe that execution, and Switches how often
	// another task goes on, preempting or not.
	Steps, Preemptions, Switches int
	// First is the number of executions begun up to the first one with this title,
	// that one included; 0 if only the search for fewer preemptions came upon it, or
	// if it was found before the search was resumed.
	First int
	// Minimal says that no execution with fewer preemptions has this title.
	Minimal bool
	// Records is what happened.
	Records []sim.Record
}

// Result is what an exploration came to.
type Result struct {
	// Strategy, the bounds and Seed repeat the options.
	Strategy string
	// Memory is the memory model.
	Memory                         memory.Model
	Preemptions, Delays, TaskSteps int
	Seed                           uint64
	// Findings are the rules broken, fewest preemptions first.
	Findings []*Finding
	// Complete says that the strategy visited all that it set out to visit;
	// if not, Stopped says why.
	Complete bool
	Stopped  string
	// Executions counts complete executions (Bounded and Delays go through the
	// bounds from 0 up, and count what they visit again), Blocked those that turned
	// out to be equivalent to another one before their end, Merged those given up in
	// a state that had been visited, and Cut those that had too many steps.
	Executions, Blocked, Merged, Cut int
	// Assumed counts executions in which an assumption did not hold.
	Assumed int
	// States counts the states that the strategy States has visited, Transitions
	// the steps that it has taken from them. Steps has those as well that it took
	// to come back to where it went on.
	States, Transitions int
	// Forgot says that a task has called [sim.K.Forget]: what was covered is then
	// all as far as that is right.
	Forgot bool
	// Symmetric says that executions in which tasks of [sim.Machine.GoSymmetric]
	// have changed places were taken for one.
	Symmetric bool
	// Varying says that steps of the same kind were seen to use different things
	// in different places (a wake-up finds other waiters). DPOR then takes them to
	// use all of that, and may have begun some executions in vain.
	Varying bool
	// LockAware says that the order of critical sections that commute was not
	// explored. It is false if that was asked for and turned out to see data
	// races, or sleeps, that are none.
	LockAware bool
	// Steps counts the steps of all of them, Longest those of the longest.
	Steps, Longest int
	// Minimising counts the executions of the second search.
	Minimising int
	// First is the number of executions begun up to the first one that broke a
	// rule, that one included; 0 if there was none.
	First int
	// Estimate is what Executions is going to be, if Options.Estimate asks for it:
	// exact when the search is complete.
	Estimate Estimate
	// Chance says for PCT how likely each execution was to show a bug.
	Chance string
	// Part is not nil if the result is that of a shard.
	Part *Part
}

// The verdicts.
const (
	Violation    = "violation"
	Clean        = "clean"
	Inconclusive = "inconclusive"
)

// Verdict is "violation" if a rule was broken, "clean" if none was and the
// search was complete within its bound, and "inconclusive" otherwise: also if an
// execution was cut off, or none came to its end, for then nobody has asked whether
// somebody waits for ever or what is left.
func (r *Result) Verdict() string {
	switch {
	case len(r.Findings) > 0:
		return Violation
	case r.Complete && r.Part == nil && !sampled(r.Strategy) && r.Cut == 0 && r.ended():
		return Clean
	default:
		return Inconclusive
	}
}

// ended says that there was an execution that came to its end; or that there is none,
// and all states were visited.
func (r *Result) ended() bool {
	return r.Executions > 0 || r.Strategy == States && r.Merged > 0 && r.Assumed == 0
}

// Coverage says in one line what was covered, with every bound that held.
func (r *Result) Coverage() string {
	counts := fmt.Sprintf("%d executions", r.Executions)
	if !r.Complete && r.Estimate.Probes > 0 {
		counts += " " + r.Estimate.String()
	}
	if merges(r.Strategy) {
		counts += fmt.Sprintf(", %d merged", r.Merged)
	} else {
		counts += fmt.Sprintf(", %d blocked", r.Blocked)
	}
	if r.Cut > 0 {
		counts += fmt.Sprintf(", %d cut off", r.Cut)
	}
	if r.Assumed > 0 {
		counts += fmt.Sprintf(", %d against an assumption", r.Assumed)
	}
	counts += fmt.Sprintf(", %d steps", r.Steps)
	if r.Complete && r.Part == nil && !r.ended() {
		counts += "; none came to its end"
	}
	if r.Part != nil {
		counts += ", " + r.Part.Shard.String()
	}
	if r.Strategy == States {
		counts = fmt.Sprintf("%d states, %d transitions, %d executions, %d merged", r.States, r.Transitions, r.Executions, r.Merged)
		if r.Forgot {
			counts += "; as far as what tasks say they forget is right"
		}
	}
	if r.Symmetric {
		counts += "; tasks that are alike are not told apart"
	}
	bounds := r.bounds()
	switch {
	case sampled(r.Strategy):
		s := fmt.Sprintf("%s sample%s, seed %d (%s)%s: %s", r.Strategy, r.under(), r.Seed, r.Stopped, bounds, counts)
		if r.Chance != "" {
			s += "; " + r.Chance
		}
		return s
	case !r.Complete:
		return fmt.Sprintf("incomplete%s%s (%s): %s", r.under(), strings.Replace(bounds, "up to", "within", 1), r.Stopped, counts)
	case r.Part != nil:
		return fmt.Sprintf("complete%s, but only a part: %s", bounds, counts)
	case r.LockAware:
		return fmt.Sprintf("complete: every interleaving%s, one order of critical sections that commute, %s", bounds, counts)
	case r.Strategy == States:
		return fmt.Sprintf("complete: every state%s, %s", bounds, counts)
	case bounds != "":
		return fmt.Sprintf("complete%s%s: %s", r.under(), bounds, counts)
	case r.Memory != memory.SC:
		return fmt.Sprintf("complete: every execution graph under %v, %s", r.Memory, counts)
	default:
		return "complete: every interleaving, " + counts
	}
}

// under names a memory model other than SC.
func (r *Result) under() string {
	if r.Memory == memory.SC {
		return ""
	}
	return " under " + r.Memory.String()
}

// bounds says up to what the search is complete, or would have been.
func (r *Result) bounds() string {
	var all []string
	switch r.Strategy {
	case Bounded:
		all = append(all, fmt.Sprintf("%d preemptions", r.Preemptions))
	case Delays:
		all = append(all, fmt.Sprintf("%d delays", r.Delays))
	}
	if r.TaskSteps > 0 {
		all = append(all, fmt.Sprintf("%d steps of each task", r.TaskSteps))
	}
	if len(all) == 0 {
		return ""
	}
	return " up to " + strings.Join(all, " and ")
}

// merges says whether a strategy goes by states, and gives up executions that come
// to one that has been visited.
func merges(strategy string) bool {
	return strategy == Bounded || strategy == Delays || strategy == States
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
	if min(o.Preemptions, o.Delays, o.TaskSteps, o.Executions, o.MinimiseExecutions, o.Workers, o.Estimate) < 0 {
		return nil, fmt.Errorf("explore: a bound or a budget below 0 (0 is no budget): %d preemptions, %d delays, %d steps of each task, %d and %d executions, %d workers, %d probes",
			o.Preemptions, o.Delays, o.TaskSteps, o.Executions, o.MinimiseExecutions, o.Workers, o.Estimate)
	}
	if err := o.Shard.check(); err != nil {
		return nil, err
	}
	if o.Depth < 0 {
		return nil, fmt.Errorf("explore: no bug has depth %d (the smallest is 1)", o.Depth)
	}
	if (o.LockAware || o.Strategy == States || o.Strategy == Delays) && (o.Checkpoint != nil || o.Resume != nil) {
		return nil, fmt.Errorf("explore: a search by %s, or one that is aware of locks, cannot be resumed: %w", o.Strategy, errors.ErrUnsupported)
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
	// ripe says that it is time for a checkpoint.
	ripe    atomic.Bool
	resumed *checkpoint // what is to be resumed, nil once that is done
	print   uint64      // of the program, if it is needed
	divided int         // the depth of the division

	mu      sync.Mutex   // for all that follows
	second  *sim.Machine // runs schedules again
	result  *Result
	found   []*finding
	budget  int
	stopped map[string]bool
	// estimator is nil if no estimate is asked for.
	estimator *estimator
	// minimising says that the counts belong to the second search.
	minimising bool
	// simplifying counts the steps of that one.
	simplifying int
	// learning are the executions in which the machine has learnt something.
	learning []sim.Schedule
}

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
	s.second.Close()
	for _, r := range s.runners {
		r.m.Close()
	}
	if s.estimator != nil {
		s.estimator.m.Close()
	}
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
		r.learning = append(r.learning, r.m.Schedule())
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
		if n := r.cuts.Add(1); n >= mostCut && !r.limited() {
			r.giveUp(fmt.Sprintf("%d of them were enough", n))
		}
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
		r.giveUp("executions go on for ever")
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

// limited says that the search ends in any case.
func (s *search) limited() bool {
	_, timed := s.ctx.Deadline()
	return timed || s.budget > 0 || sampled(s.options.Strategy)
}

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

func (s *search) progress() {
	if s.options.Progress != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.guess(guesses)
		s.options.Progress(s.result)
	}
}

// setLockAware has the machines of the search be aware of locks, or not.
func (s *search) setLockAware(on bool) {
	for _, r := range s.runners {
		r.m.LockAware = on
	}
}

// guesses is how many probes go into the estimate each time that Progress is told.
const guesses = 4

// guess draws so many probes more, and puts the estimate into the result. What has
// been visited is there for certain.
func (s *search) guess(probes int) {
	if s.estimator == nil || s.minimising {
		return
	}
	s.estimator.probe(min(probes, s.options.Estimate-s.estimator.probes))
	s.result.Estimate = s.estimator.estimate()
	s.result.Estimate.Traces = max(s.result.Estimate.Traces, float64(s.result.Executions))
}

// conclude makes the estimate exact if the search is complete, and otherwise as good
// as it may become.
func (s *search) conclude() {
	switch {
	case s.estimator == nil:
	case s.result.Stopped == "":
		s.result.Estimate = Estimate{Traces: float64(s.result.Executions), Probes: s.estimator.probes}
	case s.ctx.Err() == nil:
		s.guess(s.options.Estimate)
	default:
		s.guess(0)
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
