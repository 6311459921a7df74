package sim

import "slices"

// A loop that tries again may change things on the way: it takes a lock, fails to get
// another one, and backs off. Such a loop is found once an execution is long and one of
// its tasks seems to repeat itself. Then the search begins anew, and the machine keeps
// what each step of a task has done, with the values that it has seen and changed. A
// task that has done the same twice over, and is about to do so again, is blocked until
// something that its last round has looked at has changed. Locks that it took and gave
// back do not count, as it would wait for them; what a trylock saw of one does.
//
// What a round does can be seen by others while it lasts. All that they can see they
// can see in the first two rounds, unless they have come into one and go by that. So
// nobody is blocked whose last round was not by itself: if another task did something
// that depends on one step of it, and on which another step of it depends.
//
// As in spin.go a loop may have another way out, such as a count. So the machine lets
// the task run on alone until the execution would be cut off, see [Machine.MaxSteps].
// What is chosen on the way (see [K.Choose]), such as for how long to back off, does not
// make two rounds different, but in a trial every value is tried: one that is a way out
// ends it.
//
// Several tasks may go round for ever together: livelock.go.

var opRetry = NewOp("... tries again")

// deed is what a task did in one step: where, on what, with which values.
type deed struct {
	site, does uint64
	event      int32
}

const (
	// longRound is how many steps the longest round takes that is recognised.
	longRound = 64
	// longRun is after how many steps an execution is asked whether a task seems to
	// repeat itself, and then each time that it is twice as long. So many steps of the
	// task must look like rounds, at least likeRounds of them.
	longRun    = 512
	longTail   = 64
	likeRounds = 4
)

// seemsToRetry says whether it is time to keep what tasks do: one of them repeats
// itself, as far as can be told without.
func (m *Machine) seemsToRetry() bool {
	if m.Forgetful || m.States && m.tracking.forgot || m.weak != nil || m.taken&(m.taken-1) != 0 {
		return false
	}
	var own []int
	for _, k := range m.live {
		own = own[:0]
		for i := len(m.events) - 1; i >= 0 && len(own) < likeRounds*longRound; i-- {
			if m.events[i].Task == k.id {
				own = append(own, i)
			}
		}
		for round := 1; round*likeRounds <= len(own); round++ {
			tail := max(longTail, round*likeRounds)
			if tail <= len(own) && m.like(own[:tail], round) {
				return true
			}
		}
	}
	return false
}

// like says whether steps repeat each other, by their kind and their object.
func (m *Machine) like(steps []int, round int) bool {
	for i := round; i < len(steps); i++ {
		e, f := &m.events[steps[i]], &m.events[steps[i-round]]
		a, b := m.Accesses(e), m.Accesses(f)
		if e.Op != f.Op || (len(a) > 0) != (len(b) > 0) || len(a) > 0 && a[0].Obj != b[0].Obj {
			return false
		}
	}
	return true
}

// retry is called before a step: if the task goes round a loop, it waits, unless it
// is going to do so in that step.
func (k *K) retry(op Op, w Wait) {
	if op == opRetry || k.setup {
		return
	}
	site := callSite()
	if k.begun && w != Spinning && !k.inSection() {
		if round := k.repeats(site); round > 0 && k.waitsToRetry(round) {
			k.waited = len(k.deeds)
			choices := k.choices // of the step that comes after this one
			k.choices = 0
			k.StepWait(opRetry, nil, Read, Spinning)
			k.choices = choices
		}
	}
	k.here = site
}

// did enters the step being taken into the deeds of the task.
func (k *K) did(op Op) {
	m := k.m
	k.acted = op != opRetry
	if k.acted {
		k.deeds = append(k.deeds, deed{k.here, uint64(op), int32(len(m.events) - 1)})
	}
	m.turns = append(m.turns, turn{k, len(k.deeds), k.acted})
}

// does makes x a part of what the last step of the task has done.
func (k *K) does(x uint64) {
	if n := len(k.deeds); n > 0 && k.acted {
		k.deeds[n-1].does = mix(k.deeds[n-1].does, x)
	}
}

func (d *deed) same(e *deed) bool { return d.site == e.site && d.does == e.does }

// repeats is the number of steps of the shortest round that the task has gone twice
// and is about to begin again, 0 if there is none.
func (k *K) repeats(site uint64) int {
	n := len(k.deeds)
	for round := 1; 2*round <= n && round <= longRound; round++ {
		if k.deeds[n-round].site != site || !k.repeated(round, round) || k.waited > 0 && n-k.waited < round {
			continue
		}
		return round
	}
	return 0
}

// repeated says whether the last steps repeat those a round before them.
func (k *K) repeated(steps, round int) bool {
	n := len(k.deeds)
	for i := n - 1; i >= n-steps; i-- {
		if !k.deeds[i].same(&k.deeds[i-round]) {
			return false
		}
	}
	return true
}

// waitsToRetry says whether the task waits after a round of so many steps: with what
// is then in k.loop.
func (k *K) waitsToRetry(round int) bool {
	m := k.m
	if m.trial.k != nil {
		return m.trial.turns != nil && m.known.loops[k.retryKey(round)] == endless && k.byItself(round)
	}
	if !k.byItself(round) {
		return false
	}
	key := k.retryKey(round)
	switch v := m.known.loops[key]; {
	case v == ends:
		return false
	case v == endless:
		return true
	case k.quiet(round):
		m.trial = trial{k: k, loop: key, round: round}
		return false
	case v == untried:
		return m.assume(key)
	}
	return true
}

// retryKey is the round that ends here.
func (k *K) retryKey(round int) uint64 {
	key := k.order
	for _, d := range k.deeds[len(k.deeds)-round:] {
		key = mix(mix(key, d.site), d.does)
	}
	return key
}

// tryAgain lets the task go on whose loop is on trial, or ends the trial.
func (m *Machine) tryAgain(cur *K) *K {
	t := &m.trial
	switch {
	case cur != t.k || !cur.ready() || t.steps > 1 && !cur.repeated(1, t.round):
		m.decide(ends)
		return nil
	case m.taken >= m.MaxSteps:
		m.decide(t.seenToTheEnd())
		return nil
	}
	return cur
}

// draw is the value that is chosen in a trial: each of the n in one of the first rounds,
// and then any.
func (t *trial) draw(n int) int {
	t.most = max(t.most, n)
	if r := t.steps / t.round; r < n {
		return r
	}
	return int(mix(uint64(t.steps), uint64(n)) % uint64(n))
}

// seenToTheEnd is what is known of the loop when the execution is too long to go on, and
// it has not ended: that it does not, unless some value was never chosen.
func (t *trial) seenToTheEnd() verdict {
	if t.steps/t.round < t.most {
		return ends
	}
	return endless
}

// retrace is what a round is looked at with.
type retrace struct {
	uses  []retraced
	tasks []TaskID
}

type retraced struct {
	obj  ObjID
	mode Mode
	own  bool
}

// byItself says whether nobody has come into the last round, and if so notes in k.loop
// what it has looked at.
func (k *K) byItself(round int) bool {
	m, r := k.m, &k.m.retrace
	r.uses, r.tasks = r.uses[:0], r.tasks[:0]
	for i := k.roundFrom(round); i < len(m.events); i++ {
		e := &m.events[i]
		if e.Op == opRetry {
			continue
		}
		uses, own := m.Accesses(e), e.Task == k.id
		switch foreign, depends := r.meets(uses); {
		case own && foreign:
			return false
		case !own && !depends && !slices.Contains(r.tasks, e.Task):
			continue
		case !own:
			r.tasks = append(r.tasks, e.Task)
		}
		for _, a := range uses {
			r.uses = append(r.uses, retraced{a.Obj, a.Mode, own})
		}
	}
	k.loop = k.loop[:0]
	for i := len(r.uses) - 1; i >= 0; i-- {
		if u := r.uses[i]; u.own && !again(k.loop, u.obj) {
			if version, looks := k.lookedAt(u.obj, round); looks {
				k.loop = append(k.loop, look{obj: u.obj, version: version})
			}
		}
	}
	return true
}

// meets says whether a step with these uses depends on one that was looked at, and
// whether on one of another task.
func (r *retrace) meets(uses []Access) (foreign, depends bool) {
	for _, a := range uses {
		for _, u := range r.uses {
			if u.obj == a.Obj && u.mode.Conflicts(a.Mode) {
				depends = true
				foreign = foreign || !u.own
			}
		}
	}
	return foreign, depends
}

// roundFrom is the first event of the last round.
func (k *K) roundFrom(round int) int { return int(k.deeds[len(k.deeds)-round].event) }

// lookedAt is the version of o that the last round has left, and whether it did more
// than to take it and give it back.
func (k *K) lookedAt(o ObjID, round int) (version uint32, looks bool) {
	m, last := k.m, false
	version = m.objects[o].version
	for i := len(m.events) - 1; i >= k.roundFrom(round); i-- {
		own := m.events[i].Task == k.id
		for _, a := range m.Accesses(&m.events[i]) {
			switch {
			case a.Obj != o:
			case own:
				last = true
				looks = looks || !a.Passes
			case !last && a.Mode != Read && !a.Idle:
				version--
			}
		}
	}
	return version, looks
}

// quiet says whether nobody has changed anything that the last round has used: then
// the next one is not held up by a lock either.
func (k *K) quiet(round int) bool {
	m := k.m
	for i := k.roundFrom(round); i < len(m.events); i++ {
		if m.events[i].Task == k.id {
			for _, a := range m.Accesses(&m.events[i]) {
				if version, _ := k.lookedAt(a.Obj, round); version != m.objects[a.Obj].version {
					return false
				}
			}
		}
	}
	return true
}

// passes notes whether the last step has taken or given back o, and learnt nothing
// of it.
func (k *K) passes(o *Object, yes bool) {
	m := k.m
	if !m.retries || len(m.events) == 0 {
		return
	}
	for i := m.first; int(i) < len(m.accesses); i++ {
		if a := &m.accesses[i]; a.Obj == o.id {
			a.Passes = yes
		}
	}
}

// yields says that the task has said that others may go first.
func (k *K) yields() bool { return k.pending.op == opRetry }

// yielding adds those who yield and can go on to the options, behind all others: so a
// machine left alone comes to those whom they wait for.
func (m *Machine) yielding(options []TaskID) []TaskID {
	for _, k := range m.live {
		if !k.late && k.yields() && k.ready() {
			options = append(options, k.id)
		}
	}
	return options
}
