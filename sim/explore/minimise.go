package explore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"trapline/sim"
)

// Minimise makes the schedule of an execution that breaks a rule simpler, so that
// fewer preemptions, then fewer switches between tasks, then fewer turns and then
// fewer steps lead to a violation with the same title. It tries to leave turns out,
// many at once and then single ones (delta debugging; Zeller and Hildebrandt,
// "Simplifying and Isolating Failure-Inducing Input", TSE 2002), and then to put
// others in the place of one or two, until nothing helps.
//
// The result replays, has no more turns than s, and is the same each time. It
// need not have the fewest preemptions possible: only a search knows that, see
// [Finding.Minimal]. Options.MinimiseExecutions bounds the executions, 0 stands
// for DefaultShrink. The error says that s does not lead to a violation.
func Minimise(ctx context.Context, p sim.Program, s sim.Schedule, o Options) (*Finding, error) {
	x := newSearch(ctx, p, o, nil)
	defer x.close()
	replay := sim.NewReplay(s)
	recorded := x.second.Record(p, replay)
	switch err := replay.Done(); {
	case err != nil:
		return nil, fmt.Errorf("explore: schedule %s: %w", s, err)
	case recorded.Violation == nil:
		return nil, fmt.Errorf("explore: schedule %s breaks no rule", s)
	}
	f := &finding{
		keys: []uint64{recorded.Violation.Key}, title: recorded.Violation.Title,
		schedule: x.second.Schedule(), steps: recorded.Steps, preemptions: recorded.Preemptions,
	}
	x.found = []*finding{f}
	x.minimising = true
	if err := x.shrink(f); err != nil {
		return nil, err
	}
	if err := x.report(); err != nil {
		return nil, err
	}
	return x.result.Findings[0], nil
}

// DefaultShrink is the most executions in which [Minimise] makes one schedule
// simpler, and late the most when the time is up.
const (
	DefaultShrink = 5_000
	late          = 500
)

// mostMinimising bounds the steps of all the executions in which one schedule is made
// simpler, and of those of the search for fewer preemptions unless the options bound
// that: where executions are long, few of them have to do.
const mostMinimising = 2_000_000

// weakSteps is how much longer a step takes, roughly, under a memory model other than
// sc.
const weakSteps = 100

// shrink makes the schedule of f simpler.
func (s *search) shrink(f *finding) error {
	x := shrinker{s: s, f: f, left: DefaultShrink}
	if s.weak() {
		x.spent = mostMinimising - mostMinimising/weakSteps
	}
	if n := s.options.MinimiseExecutions; n > 0 {
		x.left = min(x.left, n)
	}
	if s.ctx.Err() != nil {
		x.left = min(x.left, late)
	}
	replay := sim.NewReplay(f.schedule)
	o := s.machine.Run(s.program, replay)
	if err := replay.Done(); err != nil || o.Violation == nil {
		return fmt.Errorf("%w: schedule %s no longer gives %q", ErrNondeterministic, f.schedule, f.title)
	}
	x.kind = o.Violation.Kind
	x.keep(&o)
	for before := (cost{}); before != x.cost && x.err == nil; {
		before = x.cost
		x.leaveOut()
		x.move()
	}
	return x.err
}

// shrinker makes one schedule simpler. Its turns say after which step of which
// task they are due, not after how many steps in all: so leaving one out does not
// move the others, and any set of them can be tried. A turn whose moment does not
// come, or whose task cannot go on then, is passed over.
type shrinker struct {
	s     *search
	f     *finding
	kind  sim.Kind
	best  []turn
	steps []sim.TaskID // who took them in the best execution
	cost  cost
	left  int // budget
	spent int // steps of the executions
	err   error
}

// turn is a choice in which an execution leaves the undisturbed course.
type turn struct {
	moment
	to    sim.TaskID // goes on; 0 for the choice of a value
	value int
}

// moment is a point of an execution: after the n-th step of a task, or at the
// beginning. For the choice of a value that step is the one that makes it.
type moment struct {
	task  sim.TaskID
	n     int
	value bool
}

// cost says how hard an execution is to follow.
type cost struct{ preemptions, switches, turns, steps int }

func (c cost) compare(d cost) int {
	return cmp.Or(cmp.Compare(c.preemptions, d.preemptions), cmp.Compare(c.switches, d.switches),
		cmp.Compare(c.turns, d.turns), cmp.Compare(c.steps, d.steps))
}

// switches counts the steps of the last execution of m that were taken by another
// task than the step before.
func switches(m *sim.Machine) int {
	n := 0
	events := m.Events()
	for i := range events {
		if i > 0 && events[i].Task != events[i-1].Task {
			n++
		}
	}
	return n
}

// few is how many turns are few enough to look at all pairs of them.
const few = 8

// leaveOut tries to do without turns: half of them, a quarter, down to single
// ones, and pairs if there are few.
func (x *shrinker) leaveOut() {
	for size := max(len(x.best)/2, 1); size > 0; size /= 2 {
		for i := 0; i < len(x.best); {
			if !x.try(slices.Delete(slices.Clone(x.best), i, min(i+size, len(x.best)))) {
				i += size
			}
		}
	}
	for i := 0; i < len(x.best) && len(x.best) <= few; i++ {
		for j := i + 1; j < len(x.best); j++ {
			x.try(x.without(i, j))
		}
	}
}

// without is the best schedule without the turns i and j, which may be the same.
func (x *shrinker) without(i, j int) []turn {
	rest := make([]turn, 0, len(x.best))
	for n, t := range x.best {
		if n != i && n != j {
			rest = append(rest, t)
		}
	}
	return rest
}

// move tries to put another turn in the place of one or, if there are few, of two:
// at any moment of the execution, for any task. A value is tried to be lower.
func (x *shrinker) move() {
	for i := 0; i < len(x.best); i++ {
		for v := 1; i < len(x.best) && v < x.best[i].value; v++ {
			lower := slices.Clone(x.best)
			lower[i].value = v
			x.try(lower)
		}
		if i < len(x.best) {
			x.replace(i, i)
		}
	}
	for i := 0; i < len(x.best) && len(x.best) <= few; i++ {
		for j := i + 1; j < len(x.best); j++ {
			x.replace(i, j)
		}
	}
}

// replace tries every turn in the place of the turns i and j, until one is better.
func (x *shrinker) replace(i, j int) {
	if x.best[i].value > 0 || x.best[j].value > 0 {
		return
	}
	rest := x.without(i, j)
	tasks := slices.Compact(slices.Sorted(slices.Values(x.steps)))
	count := make([]int, len(tasks))
	at := moment{}
	for _, task := range x.steps {
		for _, to := range tasks {
			t := turn{moment: at, to: to}
			if !slices.Contains(x.best, t) && x.try(append(rest, t)) {
				return
			}
		}
		p := slices.Index(tasks, task)
		count[p]++
		at = moment{task: task, n: count[p]}
	}
}

// try runs an execution with these turns, and keeps it if it is a better example.
func (x *shrinker) try(turns []turn) bool {
	if x.left == 0 || x.spent > mostMinimising || x.err != nil || errors.Is(x.s.ctx.Err(), context.Canceled) {
		return false
	}
	x.left--
	x.s.result.Minimising++
	o := x.s.machine.Run(x.s.program, &follower{turns: turns})
	x.spent += o.Steps
	if o.Violation == nil || o.Violation.Kind != x.kind || x.costOf(&o).compare(x.cost) >= 0 {
		return false
	}
	same, err := x.sameTitle(&o)
	if err != nil || !same || len(x.turns()) > len(x.best) {
		x.err = err
		return false
	}
	x.keep(&o)
	return true
}

// sameTitle says whether the last execution breaks the same rule.
func (x *shrinker) sameTitle(o *sim.Outcome) (bool, error) {
	if keyed(o.Violation) && slices.Contains(x.f.keys, o.Violation.Key) {
		return true, nil
	}
	recorded, err := x.s.runners[0].record(o)
	return err == nil && recorded.Violation.Title == x.f.title, err
}

func (x *shrinker) costOf(o *sim.Outcome) cost {
	return cost{o.Preemptions, switches(x.s.machine), len(x.turns()), o.Steps}
}

// keep makes the last execution the example.
func (x *shrinker) keep(o *sim.Outcome) {
	x.best, x.cost = x.turns(), x.costOf(o)
	x.steps = x.steps[:0]
	for _, e := range x.s.machine.Events() {
		x.steps = append(x.steps, e.Task)
	}
	x.f.schedule, x.f.steps, x.f.preemptions = x.s.machine.Schedule(), o.Steps, o.Preemptions
}

// turns are the turns of the last execution.
func (x *shrinker) turns() []turn {
	m := x.s.machine
	events := m.Events()
	count, nth := make([]int, m.Tasks()), make([]int, len(events))
	for i := range events {
		count[events[i].Task]++
		nth[i] = count[events[i].Task]
	}
	after := func(step int) moment { // the moment after a step
		return moment{task: events[step].Task, n: nth[step]}
	}
	var turns []turn
	for _, s := range m.Schedule() {
		t := turn{value: s.Value}
		switch {
		case s.Reason():
			continue
		case s.Task == "":
			t.moment = after(s.Step)
			t.moment.value = true
		case s.Step > 0:
			t.moment = after(s.Step - 1)
			fallthrough
		default:
			t.to = events[s.Step].Task
		}
		turns = append(turns, t)
	}
	return turns
}

// follower is the strategy that takes turns when their moment comes.
type follower struct {
	turns  []turn
	due    map[moment][]turn // the turns, if there are many
	events int
	last   sim.TaskID
	counts []int // by TaskID
}

// Choose takes the turn of this moment, if there is one and it can be taken.
func (f *follower) Choose(m *sim.Machine, p *sim.Point) int {
	for events := m.Events(); f.events < len(events); f.events++ {
		f.last = events[f.events].Task
		for len(f.counts) <= int(f.last) {
			f.counts = append(f.counts, 0)
		}
		f.counts[f.last]++
	}
	now := moment{task: f.last, value: p.Tasks == nil}
	if f.last != 0 {
		now.n = f.counts[f.last]
	}
	for _, t := range f.at(now) {
		switch {
		case t.moment != now:
		case t.value != 0 && t.value < p.N:
			return t.value
		case t.value == 0:
			return max(slices.Index(p.Tasks, t.to), 0)
		}
	}
	return 0
}

// at are the turns that may be due.
func (f *follower) at(now moment) []turn {
	if len(f.turns) <= few {
		return f.turns
	}
	if f.due == nil {
		f.due = make(map[moment][]turn, len(f.turns))
		for _, t := range f.turns {
			f.due[t.moment] = append(f.due[t.moment], t)
		}
	}
	return f.due[now]
}

// Restart takes the turns from the beginning.
func (f *follower) Restart() { *f = follower{turns: f.turns, due: f.due} }
