package explore

import (
	"fmt"
	"math"
	"slices"

	"trapline/sim"
)

// Estimate is a guess at how many executions a search is going to make. It is no part
// of a verdict.
//
// That of the strategy DPOR under sc is a guess at the number of traces of the program.
// It is drawn. The other searches are guessed from what they have seen so far, see
// outline.go, and all that they begin counts, as that takes the time: complete
// executions, and those that are blocked, merged or cut off. The search by execution
// graphs may learn something and begin again, and what it guesses is this time.
type Estimate struct {
	// Traces is the guess, and Error its standard error. If it is drawn the number is
	// nearly always within three of them. The mean is right, but where few traces are
	// much harder to come by than the others a few hundred probes may have seen none of
	// those, and then both are too small. If it is not drawn, Error is half of what lies
	// between a large and a small guess at what is to come, made from what was seen; it
	// is no bound, and early guesses are too small more often than too large.
	Traces, Error float64
	// Probes is how many executions the guess is made from, 0 if there is none.
	Probes int
	// Made is how many have been made of the executions that are guessed.
	Made int
	// Within is the part of the search that the guess is about, empty if it is about all
	// of it. A search that goes through bounds from 0 up knows nothing of the next ones:
	// it is then about all up to this one, "1 preemption".
	Within string
}

// String is "of about 1024 ± 75", or "of about 1024 ± 75 within 1 preemption".
func (e Estimate) String() string { return e.Of("") }

// Of is the same with a word for what is counted: "of about 1024 ± 75 executions".
func (e Estimate) Of(what string) string {
	text := "of about " + rough(e.Traces) + " ± " + rough(e.Error)
	if what != "" {
		text += " " + what
	}
	if e.Within != "" {
		text += " within " + e.Within
	}
	return text
}

func rough(x float64) string {
	if x < 1e6 {
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.2g", x)
}

// estimator guesses how many traces a program has, after Knuth ("Estimating the
// Efficiency of Backtrack Programs", 1975). The traces are the complete executions
// of a tree that can be drawn from without building it: the one in which at each
// place all that can be done is tried, one after the other, and what has been tried
// is asleep for those that come after it, until something that depends on it is
// done (Godefroid's sleep sets). A probe goes down the tree and answers with one
// divided by the probability of the way that it took, or with nought if it comes to
// where all is asleep. The mean of that is the number of complete executions,
// whatever the probabilities are, as long as none is nought.
//
// How far the answers lie apart is a matter of the probabilities. Most ways lead to
// where all is asleep, so those that seem to are hardly ever taken: the ways beside
// a persistent set, the steps of which nobody else can wake, and those after which
// somebody is asleep whom only others could wake who are asleep themselves or wait
// for one who is. What tasks may yet do is known from the probes before. Of the
// rest, each step that stays asleep halves what is left to do, or so it is assumed.
//
// The estimator has a machine and a source of chance of its own: it changes nothing
// of what a search does, and is itself the same each time.
type estimator struct {
	draw
	m       *sim.Machine
	program sim.Program

	probes        int
	mean, squares float64

	// What is known of the program: what each step has used beyond what was known
	// of it before it was taken, and by whom an object may yet be used.
	extra map[stepKey][]sim.Access
	last  []lastUses

	// The probe under way.
	weight  float64
	asleep  []option
	options []option
	taken   option
	events  int     // seen
	numbers []int32 // by TaskID: steps taken
	moved   []sim.TaskID
	arena   []sim.Access
	next    [][]sim.Access // by TaskID: what the next step uses
	rivals  []taskSet      // by TaskID: who may come to a step that depends on that
	odds    []float64
	stuck   []option
	set     [2]taskSet
	pick    func(odds []float64) int
}

// option is a step that can be taken, is asleep, or is blocked.
type option struct {
	at     int // in the list of tasks
	task   sim.TaskID
	choice int16
	uses   []sim.Access
}

// lastUses has for each mode of using an object, and each task, one more than the
// number of the last step of the task that has used it so in any probe.
type lastUses [3][]int32

// unlikely is how much less a way is taken that seems to lead nowhere.
const unlikely = 1. / 4096

// estimateSeed is the seed of all estimates.
const estimateSeed = 1975

func newEstimator(p sim.Program) *estimator {
	e := &estimator{draw: draw{seed: estimateSeed}, m: sim.NewMachine(), program: p, extra: map[stepKey][]sim.Access{}}
	e.pick = e.chance
	return e
}

// setLockAware has it draw from the tree of a search that is aware of locks, or not.
func (e *estimator) setLockAware(on bool) {
	if e.m.LockAware == on {
		return
	}
	e.m.LockAware = on
	e.probes, e.mean, e.squares = 0, 0, 0
	clear(e.extra)
	e.last = nil
}

// estimate is what the probes so far say.
func (e *estimator) estimate() Estimate {
	g := Estimate{Traces: e.mean, Probes: e.probes}
	if n := float64(e.probes); n > 1 {
		g.Error = math.Sqrt(e.squares / (n - 1) / n)
	}
	return g
}

// probe makes so many probes. Those before the first only tell what there is.
func (e *estimator) probe(times int) {
	for i := range uint64(reconnaissance) {
		if e.probes == 0 && times > 0 {
			e.answer(math.MaxUint64 - i)
		}
	}
	for range times {
		answer := e.answer(uint64(e.probes))
		e.probes++
		d := answer - e.mean
		e.mean += d / float64(e.probes)
		e.squares += d * (answer - e.mean)
	}
}

// reconnaissance is how many probes are made before one counts.
const reconnaissance = 4

// answer makes one probe.
func (e *estimator) answer(i uint64) float64 {
	e.begin(i)
	o := e.m.Run(e.program, e)
	e.settle()
	if o.Abandoned {
		return 0
	}
	return 1 / e.weight
}

func (e *estimator) begin(i uint64) {
	e.start(i)
	e.weight = 1
	e.asleep, e.arena, e.events, e.taken = e.asleep[:0], e.arena[:0], 0, option{}
	e.next, e.rivals = e.next[:0], e.rivals[:0]
	clear(e.numbers)
}

// Restart begins the probe again.
func (e *estimator) Restart() { e.begin(e.index) }

// Choose goes one step down the tree.
func (e *estimator) Choose(_ *sim.Machine, p *sim.Point) int {
	if p.Tasks == nil {
		return int(e.taken.choice)
	}
	e.settle()
	e.options = e.options[:0]
	for at, t := range p.Tasks {
		for choice := range max(e.m.Choices(t), 1) {
			o := option{at: at, task: t, choice: int16(choice), uses: e.next[t]}
			if !e.sleeps(&o) {
				e.options = append(e.options, o)
			}
		}
	}
	switch len(e.options) {
	case 0:
		return -1
	case 1:
		e.taken = e.options[0]
	default:
		e.weigh(p)
		i := e.pick(e.odds)
		sum := 0.
		for _, w := range e.odds {
			sum += w
		}
		e.weight *= e.odds[i] / sum
		e.taken = e.options[i]
		e.asleep = append(e.asleep, e.options[:i]...)
	}
	return e.taken.at
}

// chance draws one of several with the given odds.
func (e *estimator) chance(odds []float64) int {
	sum := 0.
	for _, w := range odds {
		sum += w
	}
	x := float64(e.pcg.Uint64()>>11) / (1 << 53) * sum
	for i, w := range odds {
		if x -= w; x < 0 {
			return i
		}
	}
	return len(odds) - 1
}

func (e *estimator) sleeps(o *option) bool {
	for i := range e.asleep {
		if e.asleep[i].task == o.task && e.asleep[i].choice == o.choice {
			return true
		}
	}
	return false
}

// leave puts those into stuck who stay asleep when the i-th option is taken, and
// says how many of them it is that puts to sleep.
func (e *estimator) leave(i int) int {
	e.stuck = e.stuck[:0]
	for j := range i {
		e.stay(&e.options[j], &e.options[i])
	}
	n := len(e.stuck)
	for j := range e.asleep {
		e.stay(&e.asleep[j], &e.options[i])
	}
	return n
}

// stay makes the task of s one of the stuck unless o lets it go on. One that could
// choose another value is not stuck.
func (e *estimator) stay(s, o *option) {
	if s.task != o.task && e.m.Choices(s.task) == 0 && !conflict(s.uses, o.uses) {
		e.stuck = append(e.stuck, *s)
	}
}

// settle takes in the steps that were taken since the last call, wakes what depends
// on them, and finds out what their tasks are to do next.
func (e *estimator) settle() {
	for len(e.numbers) < e.m.Tasks() {
		e.numbers = append(e.numbers, 0)
	}
	e.moved = e.moved[:0]
	events := e.m.Events()
	for ; e.events < len(events); e.events++ {
		ev := &events[e.events]
		uses := e.m.Accesses(ev)
		e.learn(ev, uses)
		e.asleep = slices.DeleteFunc(e.asleep, func(o option) bool { return o.task == ev.Task || conflict(o.uses, uses) })
		e.numbers[ev.Task]++
		if int(ev.Task) < len(e.next) {
			e.moved = append(e.moved, ev.Task)
		}
	}
	for t := range e.next {
		if e.next[t] == nil && e.m.Waiting(sim.TaskID(t)) {
			e.moved = append(e.moved, sim.TaskID(t)) // it was born
		}
	}
	for t := len(e.next); t < e.m.Tasks(); t++ {
		e.moved = append(e.moved, sim.TaskID(t))
		e.next = append(e.next, nil)
		if t < cap(e.rivals) {
			e.rivals = e.rivals[:t+1]
		} else {
			e.rivals = append(e.rivals, nil)
		}
	}
	for _, t := range e.moved {
		e.next[t] = nil
		if e.m.Waiting(t) {
			e.next[t] = e.pending(t)
		}
		e.rivals[t] = e.rivals[t][:0]
		for range e.words() {
			e.rivals[t] = append(e.rivals[t], 0)
		}
		for u := range e.next {
			e.compare(sim.TaskID(u), t)
		}
	}
	for _, u := range e.moved {
		for t := range e.next {
			e.compare(u, sim.TaskID(t))
		}
	}
}

// compare finds out whether u is a rival of t.
func (e *estimator) compare(u, t sim.TaskID) {
	for len(e.rivals[t]) < e.words() {
		e.rivals[t] = append(e.rivals[t], 0)
	}
	if u != t && e.next[t] != nil && e.mayCome(u, e.next[t]) {
		e.rivals[t].add(u)
	} else {
		e.rivals[t].remove(u)
	}
}

// learn remembers what a step uses.
func (e *estimator) learn(ev *sim.Event, uses []sim.Access) {
	n := e.numbers[ev.Task]
	if extra := uses[ev.Known:]; len(extra) > 0 {
		key := stepKey{task: ev.Task, number: n, op: ev.Op, obj: uses[0].Obj}
		known := e.extra[key]
		for _, a := range extra {
			if !slices.ContainsFunc(known, func(b sim.Access) bool { return a.Obj == b.Obj && a.Mode == b.Mode }) {
				known = append(known, sim.Access{Obj: a.Obj, Mode: a.Mode})
			}
		}
		e.extra[key] = known
	}
	for _, a := range uses {
		for int(a.Obj) >= len(e.last) {
			e.last = append(e.last, lastUses{})
		}
		by := &e.last[a.Obj][a.Mode]
		*by = grow(*by, int(ev.Task)+1)
		(*by)[ev.Task] = max((*by)[ev.Task], n+1)
	}
}

// words is the size of a set of tasks.
func (e *estimator) words() int { return (e.m.Tasks() + 63) / 64 }
