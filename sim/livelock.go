package sim

import (
	"fmt"
	"slices"
	"strings"
)

// Several tasks may go round for ever together: they hinder each other, make way, and
// try again, in step. When the last steps of an execution are rounds that repeat each
// other, with all the values that were seen and changed, the machine lets them go on in
// the same way until the execution would be cut off. If they do, and that is fair, it
// is a [Livelock]: fair means that every task that could have gone on at some place of
// a round takes a step in it, as one that never gets its turn could end what the others
// do. And where something is chosen in the round they do, whatever that is.
//
// Whether steps come round depends on the order of all of them, also of those that do
// not depend on each other. So this says of an execution that it is a livelock, and
// says nothing of those that it does not recognise: they go on until they are cut off.

// turn is a step of the execution: the n-th deed of a task, unless it only waited.
type turn struct {
	k    *K
	n    int
	acts bool
}

// mostTurns is how many steps the longest round of several tasks takes that is
// recognised.
const mostTurns = 256

// everyTurns is after how many steps, each time, the machine looks for such rounds.
const everyTurns = 32

// goesRound is the number of steps of the round that the tasks go, and what it is known
// by; 0 if they do not.
func (m *Machine) goesRound() (round int, key uint64) {
	n := len(m.turns)
	if n%everyTurns != 0 {
		return 0, 0
	}
	for round := 2; round*likeRounds <= n && round <= mostTurns; round++ {
		if m.sameTurns(n-1, round, (likeRounds-1)*round) {
			if key, several := m.roundKey(round); several {
				return round, key
			}
			return 0, 0
		}
	}
	return 0, 0
}

// sameTurns says whether the given number of steps up to the last repeat those a round
// before them.
func (m *Machine) sameTurns(last, round, steps int) bool {
	for i := last; i > last-steps; i-- {
		a, b := &m.turns[i], &m.turns[i-round]
		if a.k != b.k || a.acts != b.acts || a.does() != b.does() {
			return false
		}
	}
	return true
}

// roundKey is what the last round is known by, with where the others are, and whether
// several tasks take part in it.
func (m *Machine) roundKey(round int) (key uint64, several bool) {
	last := m.turns[len(m.turns)-round:]
	before := last[round-1].does()
	for i := range last { // it does not matter with which of them a round begins
		several = several || last[i].k != last[0].k
		does := last[i].does()
		key += mix(before, does)
		before = does
	}
	for _, k := range m.live {
		if !takesPart(last, k) {
			key = mix(mix(key, k.order), uint64(k.steps)<<16|uint64(k.pending.op))
		}
	}
	return key, several
}

// does is what the step has done, and who.
func (t *turn) does() uint64 {
	if !t.acts {
		return t.k.order
	}
	d := &t.k.deeds[t.n-1]
	return mix(mix(t.k.order, d.site), d.does)
}

func takesPart(turns []turn, k *K) bool {
	return slices.ContainsFunc(turns, func(t turn) bool { return t.k == k })
}

// roundTrip ends the execution if its tasks go round for ever, or begins to find that
// out.
func (m *Machine) roundTrip() (endsHere bool) {
	round, key := m.goesRound()
	if round == 0 {
		return false
	}
	switch m.known.loops[key] {
	case endless:
		m.outcome.AtEnd, m.outcome.Endless = true, true
		m.outcome.Violation = m.livelock(round)
		return true
	case untried:
		last := m.turns[len(m.turns)-round:]
		m.trial = trial{k: last[0].k, loop: key, round: round, turns: slices.Clone(last)}
	}
	return false
}

// nextTurn goes on with a round of several tasks that is on trial.
func (m *Machine) nextTurn() *K {
	t := &m.trial
	next := t.turns[t.steps%t.round].k
	fair := next.alive && next.ready()
	for _, k := range m.live {
		fair = fair && (!k.ready() || takesPart(t.turns, k))
	}
	n := len(m.turns)
	switch {
	case !fair || t.steps > 0 && !m.sameTurns(n-1, t.round, 1):
		m.decide(ends)
		return nil
	case m.taken >= m.MaxSteps:
		m.decide(t.seenToTheEnd())
		return nil
	}
	t.steps++
	return next
}

// livelock is the violation of tasks that go round for ever together.
func (m *Machine) livelock(round int) *Violation {
	last := m.turns[len(m.turns)-round:]
	v := &Violation{Kind: Livelock, Key: Livelock.hash()}
	var tasks []*K
	var names []string
	for _, k := range m.live {
		if takesPart(last, k) {
			tasks, names = append(tasks, k), append(names, k.name)
			v.Key = mix(v.Key, k.order)
		}
	}
	v.Subject = strings.Join(names, ", ")
	if m.recording {
		v.write = func(r *splat) { r.lockups(tasks, round) }
		m.report(tasks[0], v, tasks[0].at)
		for _, k := range tasks {
			v.Waits = append(v.Waits, fmt.Sprintf("%s goes round in %s", k.name, top(k.at)))
		}
	}
	return v
}

// lockups is the report of tasks that go round for ever together.
func (r *splat) lockups(tasks []*K, round int) {
	for i, k := range tasks {
		if i > 0 {
			r.line("")
		}
		r.lockup(k, k.at)
	}
	r.line("")
	r.line("The tasks hinder each other for ever, in rounds of %d steps. One round:", round)
	records := r.k.m.records
	from := len(records)
	for left := round; left > 0; {
		from--
		left -= flag(records[from].Remark == "")
	}
	for i := range records[from:] {
		if x := &records[from+i]; x.Remark == "" {
			r.line(" %s: %s", x.Name, strings.TrimRight(x.Text+" "+x.Note, " "))
		}
	}
}
