package sim

import (
	"reflect"
	"runtime"
	"slices"
	"strings"
)

// A task that goes round a loop without changing anything, and finds that nothing
// it looks at has changed since the last time round, will do so again until
// something changes. The machine takes such a loop for a wait: the task is blocked
// until then, so that the loop costs one step for each thing that it looks at and
// each change of it, and ends in a [Livelock] if there is none.
//
// That is only so if the loop has no other way out, such as a count. The first
// time that a task comes to a place in the source for the second time without
// anything new to see, the machine lets it run on alone. If it is still there after
// trialRounds more, it is taken to be there for ever; if not, that is no loop that
// waits. Either way that execution is not counted. What it has seen on the way counts
// as well: one who has seen another value may have left the loop, and have come to it
// anew.
//
// Loops that change something on the way are found in another way, see retry.go.

// Spinning is the way in to a loop: it is open when one of the things that the
// task looks at there has changed, see [Access].Since.
const Spinning Wait = 1 << 14

// trialRounds is how often a task must come round to be taken to spin: more often than
// loops of kernel code that give up. With a memory model, each look takes a place in the
// graph of an execution, and there it is less.
const (
	trialRounds     = 1000
	weakTrialRounds = 100
)

// mostRounds is the number of rounds of a trial.
func (m *Machine) mostRounds() int {
	if m.weak != nil {
		return weakTrialRounds
	}
	return trialRounds
}

// look is one step that changed nothing: at what, in which version, where, and
// what it saw.
type look struct {
	obj         ObjID
	version     uint32
	site, value uint64
}

// verdict is what is known of a loop, by its place and what was seen there.
type verdict uint8

const (
	untried verdict = iota
	// passedBy says that somebody has come round after a change, and was not taken
	// to wait.
	passedBy
	// assumed says the same of one who was, which only retry.go does.
	assumed
	endless
	ends
)

// mostLooks is how many looks make the longest loop that is recognised.
const mostLooks = 16

// around is asked before a step that may turn out to change nothing: if the task
// goes round a loop, it returns the way in to wait for.
func (k *K) around(o *Object) Wait {
	if k.setup || k.m.aborting || k.m.Forgetful {
		return 0
	}
	if k.lookStep != k.steps {
		k.looks = k.looks[:0]
	}
	k.site = 0
	// Where somebody spins the first look has to be known by its place, too, or
	// the loop would go round twice before it is seen.
	if !k.m.known.steps.has(tasksSpin) && !again(k.looks, o.id) {
		return 0
	}
	k.site = callSite()
	for i := len(k.looks) - 1; i >= 0; i-- {
		if k.looks[i].obj == o.id && k.looks[i].site == k.site {
			return k.round(k.looks[i:])
		}
	}
	return 0
}

// round is the way in for a task that has come to where the loop began.
func (k *K) round(loop []look) Wait {
	m := k.m
	key := k.site
	for i := range loop {
		key = mix(key, loop[i].value)
	}
	switch {
	case m.trial.turns != nil:
		if v := m.known.loops[key]; v == untried || v == ends {
			return 0
		}
		k.loop = append(k.loop[:0], loop...)
		return Spinning
	case m.trial.k == k:
		switch {
		case m.trial.loop == key:
			m.trial.rounds++
		case m.trial.site == k.site:
			m.trial.strays = true
		}
		return 0
	}
	// A loop that waits is one also if something has changed already: what the
	// step uses must not depend on whether that came before or comes only now.
	switch v := m.known.loops[key]; {
	case v == ends:
		return 0
	case v == endless:
	case !k.changed(loop) || m.weak != nil && v == untried:
		m.trial = trial{k: k, loop: key, site: k.site}
		return 0
	case m.note(key, passedBy) != endless:
		// Nobody can see now whether it waits. To take it to wait would be to say that
		// its step cannot come before the change, and no search would then try that.
		return 0
	}
	k.loop = append(k.loop[:0], loop...)
	return Spinning
}

// assume takes a loop that was not tried for one that waits. It returns false if
// another machine knows better by now.
func (m *Machine) assume(key uint64) bool { return m.note(key, assumed) != ends }

// note keeps what is done about a loop that was not tried. It returns what is known of
// the loop by now, as another machine may have tried it.
func (m *Machine) note(key uint64, v verdict) verdict {
	if m.ids.known.Load().loops[key] == untried {
		m.ids.learn(func(f *facts) { f.loops[key] = max(f.loops[key], v) })
	}
	return m.ids.known.Load().loops[key]
}

// changed says whether any of what the task has looked at has changed since.
func (k *K) changed(loop []look) bool {
	for _, l := range loop {
		if k.m.objects[l.obj].version != l.version {
			return true
		}
	}
	return false
}

// looked notes that the step just taken, which used o in the given mode, changed
// nothing, and which value it saw.
func (k *K) looked(o *Object, mode Mode, value uint64) {
	if k.setup {
		return
	}
	info := &k.m.objects[o.id]
	if mode != Read {
		info.version--
		k.m.idle(o)
	}
	if k.lookStep != k.steps-1 {
		k.looks = k.looks[:0]
	}
	if len(k.looks) == mostLooks {
		k.looks = append(k.looks[:0], k.looks[1:]...)
	}
	k.looks = append(k.looks, look{o.id, info.version, k.site, value})
	k.lookStep = k.steps
}

// idle notes that the last step did not change o.
func (m *Machine) idle(o *Object) {
	uses := m.accesses[m.first:]
	i := slices.IndexFunc(uses, func(a Access) bool { return a.Obj == o.id })
	uses[i].Idle = true
}

// busy notes that the last step has changed o after all.
func (m *Machine) busy(o *Object) {
	if len(m.events) == 0 {
		return
	}
	for i := m.first; int(i) < len(m.accesses); i++ {
		if a := &m.accesses[i]; a.Obj == o.id && a.Idle {
			a.Idle = false
			m.objects[o.id].version++
		}
	}
}

// since is how often o has changed since k looked at it.
func (m *Machine) since(k *K, o *Object) uint32 {
	if k.pending.wait == Spinning && o != nil {
		for _, l := range k.loop {
			if l.obj == o.id {
				return m.objects[o.id].version - l.version
			}
		}
	}
	return 0
}

// enterLoop adds to the last step what its task waited for beside the object of
// the step.
func (m *Machine) enterLoop(k *K) {
	for i, l := range k.loop {
		if !k.pending.uses(l.obj) && !again(k.loop[:i], l.obj) {
			m.accesses = append(m.accesses, Access{Obj: l.obj, Mode: Read, Need: Spinning, Since: m.objects[l.obj].version - l.version})
		}
	}
	m.events[len(m.events)-1].last = int32(len(m.accesses))
}

// uses says whether o is the object of the step.
func (p *pending) uses(o ObjID) bool { return p.obj != nil && p.obj.id == o }

// again says whether o is among the looks.
func again(looks []look, o ObjID) bool {
	return slices.ContainsFunc(looks, func(l look) bool { return l.obj == o })
}

// spins says that the task goes round a loop.
func (k *K) spins() bool { return k.pending.wait == Spinning || k.pending.wait == Awaiting }

// softLockup is the report of a task that goes round a loop for ever.
func (r *splat) softLockup() {
	k := r.k
	r.lockup(k, r.stack)
	for _, other := range k.m.live {
		if other != k && !other.daemon {
			r.line("")
			r.line("%s", other.waits())
		}
	}
}

func (r *splat) lockup(k *K, stack []Frame) {
	r.line("watchdog: BUG: soft lockup - CPU#%d stuck for 26s! [%s]", k.cpu(), strings.Replace(k.who(), "/", ":", 1))
	r.trace(k, stack)
}

// trial is a task that runs alone to find out whether it spins.
type trial struct {
	k      *K
	loop   uint64
	site   uint64 // where it begins
	strays bool   // it has come there having seen something else
	rounds int
	steps  int
	// round is, of a loop that tries again, how many steps it takes, and turns are
	// those of a round of several tasks.
	round int
	turns []turn
	most  int // values that one of its steps chooses from
}

// onTrial lets the task on trial go on, or ends the trial.
func (m *Machine) onTrial(cur *K) *K {
	t := &m.trial
	if t.turns != nil {
		return m.nextTurn()
	}
	t.steps++
	if t.round > 0 {
		return m.tryAgain(cur)
	}
	inLoop := cur == t.k && (t.steps == 1 || cur.lookStep == cur.steps) && cur.pending.choices == 0 && cur.ready()
	switch {
	case t.rounds >= m.mostRounds():
		m.decide(endless)
		return nil
	case !inLoop || t.strays || t.steps > m.mostRounds()*mostLooks:
		m.decide(ends)
		return nil
	}
	return cur
}

// decide ends the trial. Earlier executions have not come to the loop without a
// change, or they would have tried it. So what they reported of their steps holds,
// unless they have taken it for something else or have not watched for loops as closely as
// is needed where there is one.
func (m *Machine) decide(v verdict) {
	was := untried
	m.startOver(func(f *facts) {
		was = f.loops[m.trial.loop]
		f.loops[m.trial.loop] = v
		if v == endless && m.trial.round == 0 {
			f.steps |= tasksSpin
		}
	})
	if v == endless {
		m.repeats = was != passedBy && (m.trial.round > 0 || m.known.steps.has(tasksSpin))
	} else {
		m.repeats = was != assumed
	}
	if !m.goesOn(m.strategy) {
		key := m.trial.loop
		m.ids.learn(func(f *facts) { f.trials[key] = true })
	}
}

// callSite tells places in the source apart: by the calls that lead there. It is the
// same wherever the code was loaded.
func callSite() uint64 {
	var pcs [16]uintptr
	h := uint64(0)
	for _, pc := range pcs[:runtime.Callers(3, pcs[:])] {
		h = mix(h, uint64(pc-code))
	}
	return h
}

// code is where the code of this package begins, or thereabouts.
var code = reflect.ValueOf(mix).Pointer()
