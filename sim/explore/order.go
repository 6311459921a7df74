package explore

import (
	"slices"

	"trapline/sim"
)

// order is the happens-before order of the steps of an execution: the smallest
// one that orders the steps of each task, and dependent steps as they came. It
// is kept from one execution to the next as far as the two have steps in common.
type order struct {
	events []event
	// kept counts the events that are older than this execution, taken those
	// that were taken: what follows was pending when the execution ended.
	kept, taken int
	// fatal is the event that broke a rule and so ended the execution, or -1.
	fatal int

	accesses []use
	last     []int32 // by ObjID: the last use of the object, or -1
	tasks    []int32 // by TaskID: the last event of the task, or -1

	m       *sim.Machine // whose execution it is
	racers  []int        // the answer of racing
	lock    int          // the racer that has to be behind what enabled the event
	known   []int32      // what has to come before the event
	enabled []int32      // what has to as long as lock comes before it
	needs   int          // uses that could block the event, twice those that did or would at the end
	jointly [][]int      // events that it would only have been possible before together

	sequence []step // the answer of notAfter

	byLast     byLast
	signs      []signs     // of the events, if exact is on
	variations *variations // nil for a search that does without
	expected   []use       // of foresee
	buffer     []sim.Access
}

// event is a step of the execution with its place in the order.
type event struct {
	task            sim.TaskID
	op              sim.Op
	number          int32 // among the events of the task
	choice, choices int16
	previous        int32 // the event of the same task before this one, or -1
	first, end      int32 // its uses
	known           int32 // how many of them were known before
	// clock has for each task one more than the index of its last event that
	// happens before this one or is this one.
	clock []int32
	acts  bool // it did something as the last of some
	// print is the footprint of the uses, and printed says that it is known.
	print   footprint
	printed bool
}

// use is one access of an event, linked to the use of the object before it.
type use struct {
	sim.Access
	event    int32
	previous int32
	act      int32 // of the event as the last of some, or -1
}

// follow takes in the steps that the machine has taken since the last call.
func (o *order) follow(m *sim.Machine) {
	events := m.Events()
	for i := len(o.events); i < len(events); i++ {
		e := &events[i]
		uses := m.Accesses(e)
		o.add(m, e.Task, e.Op, e.Choice, e.Choices, uses, int(e.Known))
		o.variations.learn(o.key(i), int(e.Known), uses)
	}
}

// key says which step event i is.
func (o *order) key(i int) stepKey {
	e := &o.events[i]
	k := stepKey{task: e.task, number: e.number, op: e.op, choice: e.choice}
	if e.end > e.first {
		k.obj = o.accesses[e.first].Obj
	}
	return k
}

// foresee says of s, which is event i in another place, what it may use there, where
// event j and others, and what comes after them, have not happened. Of a step that was
// only pending it is not even known what it uses in this one. It returns the signature
// of s, or 0.
func (o *order) foresee(f *feet, s *step, i, j int, others []int) (sign uint64) {
	e, key := &o.events[i], o.key(i)
	s.uses = o.footprintWithout(f, i, j, others)
	if o.variations.exact.on && !e.acts { // what it does as the last of some is known
		sign = o.signature(i, s.choice, e.first+o.asked(e), j, others)
	}
	seen := i < o.taken && s.choice == e.choice
	key.choice = s.choice
	switch {
	case o.variations.varying.has(e.op), !seen && o.variations.some.has(e.op):
	case seen:
		return sign
	default:
		o.variations.trust(key)
		return sign
	}
	s.guess = true
	more, ok := o.variations.expect(key)
	if !ok {
		s.wild = true
		return sign
	}
	o.expected = append(o.expected[:0], o.accesses[e.first:e.first+e.known]...)
	o.expected = o.lasting(o.expected, i, j, others)
	for _, t := range more {
		o.expected = append(o.expected, use{Access: sim.Access{Obj: t.obj, Mode: t.mode}})
	}
	s.uses = f.of(o.expected)
	return sign
}

// finish takes in the rest of an execution that has ended, and what its tasks
// were about to do. If a step broke a rule, it was the last.
func (o *order) finish(m *sim.Machine, violated bool) {
	o.m = m
	o.follow(m)
	o.taken = len(o.events)
	o.fatal = -1
	if violated {
		o.fatal = o.taken - 1
	}
	o.joinLoose()
	for _, t := range m.Unfinished() {
		o.buffer = m.Pending(t, o.buffer[:0])
		o.add(m, t, m.PendingOp(t), 0, 0, o.buffer, len(o.buffer))
	}
}

// cut forgets all events from the n-th on.
func (o *order) cut(n int) {
	for i := len(o.events) - 1; i >= n; i-- {
		e := &o.events[i]
		for u := e.end - 1; u >= e.first; u-- {
			o.last[o.accesses[u].Obj] = o.accesses[u].previous
		}
		o.accesses = o.accesses[:e.first]
		o.tasks[e.task] = e.previous
	}
	o.byLast.cut(n)
	o.events = o.events[:n]
	o.kept, o.fatal = n, -1
}

func (o *order) add(m *sim.Machine, t sim.TaskID, op sim.Op, choice, choices int16, accesses []sim.Access, known int) {
	for len(o.last) < m.Objects() {
		o.last = append(o.last, -1)
	}
	for len(o.tasks) < m.Tasks() {
		o.tasks = append(o.tasks, -1)
	}
	n := len(o.events)
	if n < cap(o.events) {
		o.events = o.events[:n+1]
	} else {
		o.events = append(o.events, event{})
	}
	e := &o.events[n]
	*e = event{
		task: t, op: op, choice: choice, choices: choices, previous: o.tasks[t],
		first: int32(len(o.accesses)), known: int32(known), clock: e.clock[:0],
	}
	if e.previous >= 0 {
		e.number = o.events[e.previous].number + 1
		e.clock = append(e.clock, o.events[e.previous].clock...)
	}
	acts := false
	for _, a := range accesses {
		o.join(&a)
		acts = acts || a.ByLast
		o.accesses = append(o.accesses, use{a, int32(n), o.last[a.Obj], -1})
		o.last[a.Obj] = int32(len(o.accesses) - 1)
		if !a.ByLast {
			o.after(e, int32(len(o.accesses)-1))
		}
	}
	e.end = int32(len(o.accesses))
	e.clock = grow(e.clock, int(t)+1)
	e.clock[t] = int32(n + 1)
	o.tasks[t] = int32(n)
	if acts || len(o.byLast.acts) > 0 {
		o.act(int32(n))
	}
	if o.variations != nil && o.variations.exact.on {
		o.sign(n)
	}
}

// join makes an addition to an object a write where additions conflict.
func (o *order) join(a *sim.Access) {
	switch {
	case o.variations == nil:
		a.Last, a.ByLast = false, false
	case a.Mode == sim.Add && o.variations.joint.has(a.Obj):
		a.Mode = sim.Write
	}
}

// after orders e after the earlier uses of the object that conflict with its use a. A
// write has everything before it in its own clock.
func (o *order) after(e *event, a int32) {
	mode := o.accesses[a].Mode
	for u := o.accesses[a].previous; u >= 0; u = o.accesses[u].previous {
		w := &o.accesses[u]
		if w.Mode.Conflicts(mode) && w.event < int32(len(o.events)-1) && w.act < 0 {
			e.clock = join(e.clock, o.events[w.event].clock)
		}
		if w.Mode == sim.Write {
			return
		}
	}
}

// racing returns the events that race with the i-th, latest first: those that
// depend on it directly and not only through others, and before which it could
// have been taken. The slice is valid until the next call.
func (o *order) racing(i int) []int {
	e := &o.events[i]
	o.racers, o.lock = o.racers[:0], -1
	o.needs, o.jointly = 0, o.jointly[:0]
	o.known, o.enabled = o.known[:0], o.enabled[:0]
	if e.previous >= 0 {
		o.known = append(o.known, o.events[e.previous].clock...)
	}
	for u := e.first; u < e.end; u++ {
		a := &o.accesses[u]
		if a.Need != 0 {
			o.needs++
			if a.Before&a.Need == 0 || i > o.fatal && o.fatal >= 0 {
				o.needs++ // it was still blocked at the end, or let go by the last step
			}
		}
		if a.act < 0 {
			o.rivals(e, int32(i), a)
		}
	}
	if o.fatal >= 0 && i > o.fatal && o.knows(o.known, o.events[o.fatal].task, o.fatal) {
		return nil // it has to come after the step that depends on everything
	}
	slices.Sort(o.racers)
	slices.Reverse(o.racers)
	o.racers = slices.Compact(o.racers)
	return slices.DeleteFunc(o.racers, func(j int) bool {
		r := &o.events[j]
		if o.knows(o.known, r.task, j) {
			return true
		}
		if o.needs < 2 {
			if j != o.lock && o.knows(o.enabled, r.task, j) {
				return true
			}
		} else if all := o.without(e, int32(i), j); len(all) != 1 {
			if all != nil {
				o.jointly = append(o.jointly, all)
			}
			return true
		}
		o.known = join(o.known, r.clock)
		return false
	})
}

// without returns the events that event e could have come before, j among them: of
// those that keep it blocked without j, because they come after it, the ones with
// which that began. It returns nil if there is no such place. Only an event
// with several needs, as a CPU and a lock, has to ask. A step that broke a rule is
// taken away from what was pending in any case.
func (o *order) without(e *event, i int32, j int) []int {
	all := []int{j}
again:
	for u := e.first; u < e.end; u++ {
		a := &o.accesses[u]
		if a.Need == 0 {
			continue
		}
		// What the object allows when all that comes after those is taken away.
		from, since, changes, changed := a, a.previous, 0, 0
		for v := a.previous; v >= 0 && int(o.accesses[v].event) >= slices.Min(all); v = o.accesses[v].previous {
			w := &o.accesses[v]
			changes += w.changes()
			if o.afterAny(int(w.event), all) || int(w.event) == o.fatal && w.event < a.event {
				from, since, changed = w, w.previous, changes
			}
		}
		if o.openBefore(from, i, a, changed) {
			continue
		}
		for v := since; v >= 0; v = o.accesses[v].previous {
			w := &o.accesses[v]
			changed += w.changes()
			if w.Mode.Conflicts(a.Mode) && o.openBefore(w, i, a, changed) {
				if o.knows(o.known, o.events[w.event].task, int(w.event)) {
					return nil
				}
				all = append(all, int(w.event))
				goto again
			}
		}
		return nil
	}
	return all
}

// afterAny says whether an event is one of those given, or comes after one.
func (o *order) afterAny(i int, all []int) bool {
	for _, j := range all {
		if o.knows(o.events[i].clock, o.events[j].task, j) {
			return true
		}
	}
	return false
}

// knows says whether a clock has event j of task t.
func (o *order) knows(c []int32, t sim.TaskID, j int) bool {
	return int(t) < len(c) && c[t] > int32(j)
}

// rivals adds to racers the events whose use of an object conflicts with the
// use a of event i. If a could be blocked, events before which it would have
// been are passed over: what a competes with is the first one behind them (the
// other's lock), and all else that comes before the event that let it go on (the
// unlock) has to. If there is none to compete with, so has that event itself.
// Steps that were only pending when the execution ended do not race with each
// other.
func (o *order) rivals(e *event, i int32, a *use) {
	enabler, changes := int32(-1), 0
	for u := a.previous; u >= 0; u = o.accesses[u].previous {
		w := &o.accesses[u]
		own := o.events[w.event].task == e.task
		if own && w.Mode == sim.Write && w.event != i {
			break
		}
		changes += w.changes()
		if own || int(w.event) >= o.taken || !w.Mode.Conflicts(a.Mode) {
			continue
		}
		if a.Need != 0 && !o.openBefore(w, i, a, changes) {
			if enabler < 0 {
				enabler = w.event
			}
			continue
		}
		o.racers = append(o.racers, int(w.event))
		if enabler >= 0 {
			o.lock = int(w.event)
			o.enabled = join(o.enabled, o.events[enabler].clock)
			return
		}
		if w.Mode == sim.Write {
			break
		}
	}
	if enabler >= 0 {
		o.known = join(o.known, o.events[enabler].clock)
	}
}

// openBefore says whether event i could have been taken before w as far as its
// use a of the same object is concerned, which has changed so many times from then
// on.
func (o *order) openBefore(w *use, i int32, a *use, changes int) bool {
	switch a.Need {
	case sim.Awaiting:
		if int(i) >= o.taken {
			return o.m.PendingCould(o.events[i].task, changes)
		}
		return o.m.Could(int(i), changes)
	case sim.Spinning:
		if int(a.Since) > changes {
			return true
		}
		// Something else that the loop looks at may have changed by then.
		e := &o.events[i]
		for u := e.first; u < e.end; u++ {
			b := &o.accesses[u]
			if b.Need == sim.Spinning && b.Obj != a.Obj && b.Since > 0 {
				first := &o.events[o.change(b)]
				if !o.knows(first.clock, o.events[w.event].task, int(w.event)) {
					return true
				}
			}
		}
		return false
	default:
		return w.Before&a.Need != 0
	}
}

// changes is 1 if the use changed the object, else 0.
func (u *use) changes() int {
	if u.Mode == sim.Read || u.Idle {
		return 0
	}
	return 1
}

// change is the event that made the first of the changes that b waited for.
func (o *order) change(b *use) int32 {
	left := b.Since
	for u := b.previous; ; u = o.accesses[u].previous {
		w := &o.accesses[u]
		left -= uint32(w.changes())
		if left == 0 {
			return w.event
		}
	}
}

// beside returns the events that neither happen before event i nor before
// another one returned, latest first. The slice is valid until the next call.
func (o *order) beside(i int) []int {
	o.racers = o.racers[:0]
	o.known = append(o.known[:0], o.events[i].clock...)
	for j := i - 1; j >= 0; j-- {
		e := &o.events[j]
		if !o.knows(o.known, e.task, j) {
			o.racers = append(o.racers, j)
			o.known = join(o.known, e.clock)
		}
	}
	return o.racers
}

// possible says whether event i, which was pending at the end, could have been
// taken instead of the fatal one.
func (o *order) possible(i int) bool {
	e, last := &o.events[i], &o.events[o.fatal]
	for x := e.first; x < e.end; x++ {
		u := &o.accesses[x]
		if u.Need == 0 {
			continue
		}
		open := false
		for y := last.first; y < last.end; y++ {
			if w := &o.accesses[y]; w.Obj == u.Obj {
				if !o.openBefore(w, int32(i), u, w.changes()) {
					return false
				}
				open = true
				break
			}
		}
		if !open && !o.openBefore(&use{Access: u.Access, event: int32(o.fatal)}, int32(i), u, 0) {
			return false
		}
	}
	return true
}

// notAfter is what was taken after event j without depending on it or on one of
// others, which come later. A step that broke a rule depends on everything before
// it. The slice is valid until the next call, and has room for one step more.
func (o *order) notAfter(f *feet, j int, others ...int) []step {
	t := o.events[j].task
	v := o.sequence[:0]
	for k := j + 1; k < o.taken; k++ {
		e := &o.events[k]
		if k != o.fatal && !o.knows(e.clock, t, j) && !o.afterAny(k, others) {
			v = append(v, step{task: e.task, choice: e.choice, picks: e.choices > 0, uses: o.footprintWithout(f, k, j, others)})
		}
	}
	v = slices.Grow(v, 1)
	o.sequence = v // keeps the room for the next call
	return v
}

// footprint is what event i uses.
func (o *order) footprint(f *feet, i int) footprint {
	e := &o.events[i]
	if !e.printed {
		e.print, e.printed = f.of(o.accesses[e.first:e.end]), true
	}
	return e.print
}

func join(c, d []int32) []int32 {
	c = grow(c, len(d))
	for i, x := range d {
		c[i] = max(c[i], x)
	}
	return c
}

func grow(c []int32, n int) []int32 {
	for len(c) < n {
		c = append(c, 0)
	}
	return c
}
