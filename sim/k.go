package sim

import (
	"errors"
	"math"
	"slices"
)

// errUnwind is panicked to leave the program when an execution is over.
var errUnwind = errors.New("sim: unwinding")

// K is the handle through which kernel code runs on the machine, one for each
// task. It stands where Linux has current: it is handed down to every function,
// and its methods are the kernel's verbs. A verb is the only place where another
// task may run.
type K struct {
	m      *Machine
	id     TaskID
	order  uint64 // place among all tasks; the same on every machine
	name   string
	given  string // the name before that of the parent was put in front
	again  bool   // an elder sibling was given the same one
	under  string // the name of the parent then
	parent *K
	// The tasks that are like it, and were added before and after it.
	elder, younger *K
	f              func(k *K)
	setup          bool
	daemon         bool
	alive          bool
	begun          bool   // has come to its first step
	steps          int    // it has taken
	folded         uint64 // the values of its steps, for Machine.StateHash
	local          uint64 // what it can remember, and bornIn the step that spawned it: for Machine.States
	bornIn         int
	asks           bool // has a step pending

	// The coroutine, kept from one execution to the next unless it is dead.
	dead  bool
	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool

	// What the task has made, so that its n-th child and its n-th object are
	// the same ones in every execution.
	children  []*K
	nchildren int
	objects   []ObjID
	nobjects  int

	pending pending
	choices int16                    // of the choice that is to be the next step
	could   func(at int) (bool, int) // see await
	wake    Object                   // what the task sleeps on
	// A task that sleeps on wake does so in a call for something else.
	inCall   Op
	waitsFor *Object
	at       []Frame
	sleeper
	deferral
	works taskWorks

	// The context, as in preempt_count.
	ctx     Context
	preempt int
	bhOff   int
	irqOff  int
	traps   int // handlers of traps that it runs, see Exception
	held    []held
	rcu     rcuReader

	// What a task that may be going round a loop has looked at since it last did
	// anything else, see spin.go.
	looks    []look
	lookStep int    // the value of steps at the last one
	site     uint64 // of the one under way
	loop     []look // what must change before it looks again
	// What it has done, if the machine keeps that, see retry.go: where it is, how many
	// deeds there were when it waited last, and whether the last step is one.
	deeds  []deed
	here   uint64
	waited int
	acted  bool
	plain  int // accesses of plain data since the last step
	// What the pending step does to memory, if inMemory, with a model other than SC.
	mem      memoryStep
	inMemory bool
	born     int // the execution in which it was spawned last
	// The CPU that it runs on, nil if that is its own and nobody watches it.
	c      *cpu
	ownCPU *cpu // kept for c
	number int  // of a task that is bound to none, among those
	guest  bool // stops what runs on the rest, see cpus

	clock clock
}

// pending is the step that a task is about to take.
type pending struct {
	op      Op
	obj     *Object
	mode    Mode
	wait    Wait
	choices int16
	cpu     Wait // what the CPU of the task must allow besides
}

func (k *K) reset() {
	k.alive, k.begun, k.asks, k.steps, k.choices = false, false, false, 0, 0
	k.could, k.looks, k.lookStep, k.plain = nil, k.looks[:0], 0, 0
	k.deeds, k.waited, k.acted = k.deeds[:0], 0, false
	k.inMemory = false
	k.nchildren, k.nobjects = 0, 0
	k.pending = pending{}
	k.elder, k.younger = nil, nil
	k.at, k.waitsFor = nil, nil
	k.sleeper.reset()
	k.deferral = deferral{}
	k.works.reset()
	k.ctx, k.preempt, k.bhOff, k.irqOff, k.traps = Task, 0, 0, 0, 0
	k.held = k.held[:0]
	k.rcu.reset()
	k.clock = append(k.clock[:0], 1) // the setup's epoch; others inherit
}

func (k *K) depth() int {
	d := 0
	for o := k.order; o != 0; o = o << generationBits & (1<<(generationBits*generations) - 1) {
		d++
	}
	return d
}

// body is the life of the coroutine: one run of the task for each execution.
func (k *K) body(yield func(struct{}) bool) {
	k.yield = yield
	for {
		k.run()
		if !yield(struct{}{}) {
			return
		}
	}
}

// run executes the task once, up to its end or to the end of the execution, and
// says who goes on.
func (k *K) run() {
	defer k.ended()
	if !k.daemon { // the agent of a timer arrives when that is due
		k.enter()
		k.arrive()
	}
	k.f(k)
	k.exitTaskWork()
	k.exit()
	k.leave()
}

func (k *K) ended() {
	m := k.m
	r := recover()
	k.alive = false
	if r != nil && r != errAssumed {
		if r != errUnwind && !m.oops(k, r) {
			k.dead = true // the panic takes the coroutine with it
			panic(r)
		}
		m.next = nil
		return
	}
	if k.inSection() { // it may end so without breaking a rule, see Assume
		m.startOver(ordering(m.section.lock.id))
	}
	for i, l := range m.live {
		if l == k {
			m.live = append(m.live[:i], m.live[i+1:]...)
			break
		}
	}
	if k.begun {
		k.dead = true // should the strategy panic
		m.next = m.pick(nil)
		k.dead = false
	}
}

// Name is the name of the task, as in /proc/PID/comm.
func (k *K) Name() string { return k.name }

// ID is the task's number.
func (k *K) ID() TaskID { return k.id }

// Machine is the machine that the task runs on.
func (k *K) Machine() *Machine { return k.m }

// ready says whether the pending step can be taken now.
func (k *K) ready() bool {
	p := &k.pending
	if p.wait|p.cpu == 0 && k.elder == nil && k.m.MaxTaskSteps == 0 {
		return true // the ordinary case
	}
	if k.unborn() || k.done() {
		return false
	}
	return p.wait == 0 && p.cpu == 0 || k.open() && (p.cpu == 0 || k.c.o.allow&p.cpu != 0)
}

// open says whether the object of the pending step allows it.
func (k *K) open() bool {
	switch p := &k.pending; p.wait {
	case 0:
		return true
	case Awaiting:
		ok, _ := k.could(-1)
		return ok
	case Spinning:
		return k.changed(k.loop)
	default:
		return p.obj.allow&p.wait != 0
	}
}

// done says that the task has taken as many steps as it may: what it would need for
// the next one is not looked at either. One on trial goes on.
func (k *K) done() bool {
	return k.m.MaxTaskSteps > 0 && k.steps >= k.m.MaxTaskSteps && k.m.trial.k == nil
}

// Step is the door to the machine: it lets other tasks run, and returns when
// this task is to use object o. The caller then does so: what it does until its
// next step is one indivisible action with this one.
func (k *K) Step(op Op, o *Object, mode Mode) { k.StepWait(op, o, mode, 0) }

// StepWait is Step for an action that is possible only while the object allows
// one of the ways in w; the task is blocked until then.
func (k *K) StepWait(op Op, o *Object, mode Mode, w Wait) {
	m := k.m
	if m.aborting {
		panic(errUnwind)
	}
	if m.retries {
		k.retry(op, w)
	}
	p := &k.pending // field by field: a literal would be made elsewhere and copied
	p.op, p.obj, p.mode, p.wait, p.choices, p.cpu = op, o, mode, w, k.choices, 0
	k.asks = true
	if k.c != nil && o != &k.c.o {
		p.cpu = k.needs()
	}
	if m.recording && m.trial.k == nil {
		k.at = callers()
	}
	if o != nil && !k.done() {
		o.mustBe(k)
		if o.life != nil && o.life.state == released && m.weak == nil {
			p.wait = 0 // it breaks a rule, and not in this step
		}
	}
	if k.inSection() {
		k.mustNotWait()
	}
	switch {
	case k.setup:
		k.immediate()
		return
	case !k.begun:
		// The first step: whoever spawned the task goes on.
		k.begun = true
		k.yield(struct{}{})
	default:
		if m.next = m.pick(k); m.next != k {
			k.handOver()
		}
	}
	if m.aborting {
		panic(errUnwind)
	}
	k.take()
}

// handOver lets the one who takes the next step go on, and returns when it is k's turn
// again, or the execution is over. The task that loop has resumed resumes the others
// itself, and they come back to it: so going to and fro between it and another takes
// one switch each way, and not two.
func (k *K) handOver() {
	m := k.m
	if m.outer == k {
		for m.next != nil && m.next != k {
			m.next.next()
		}
	}
	if m.next != k {
		k.yield(struct{}{})
	}
}

// take enters the pending step into the books.
func (k *K) take() {
	m, p := k.m, &k.pending
	k.asks = false
	if m.States {
		m.acts(k, p.op)
	}
	if m.Forgetful {
		m.events, m.accesses, m.deviations = m.events[:0], m.accesses[:0], m.deviations[:0]
	}
	first := int32(len(m.accesses))
	m.taken, m.first = m.taken+1, first
	stays := m.section.k != nil && m.stayInSection()
	if !stays {
		e := m.newEvent()
		e.Task, e.Op, e.Choice, e.Choices, e.Known, e.first, e.last = k.id, p.op, 0, 0, 0, first, first
	}
	m.hash = mix(m.hash, k.order^ops[p.op].key)
	if p.obj != nil {
		m.hash = mix(m.hash, m.objects[p.obj.id].key)
	}
	if m.values {
		m.acting = k
	}
	if m.retries {
		k.did(p.op)
	}
	if m.recording && m.trial.k == nil {
		m.record(k)
	}
	if k.gated() {
		// The first step of a spawned task comes after the one that spawned it.
		m.enter(&k.wake, Read, born)
	}
	k.steps++
	k.plain = 0
	since := m.since(k, p.obj)
	if k.inMemory && p.obj.life != nil {
		m.enter(&p.obj.life.o, Read, 0)
	}
	if p.obj != nil && !k.inMemory {
		if p.obj.loose && p.mode == Add && !stays {
			k.openSection(p.obj)
		}
		m.tracking.blind = ops[p.op].store
		m.enter(p.obj, p.mode, p.wait)
		m.tracking.blind = false
	}
	if k.steps == 1 && k.younger != nil {
		k.first()
	}
	if p.wait == Spinning && !k.inMemory {
		if p.obj != nil {
			m.accesses[first].Since = since // it is not the first step of the task
		}
		m.enterLoop(k)
	}
	if p.cpu != 0 {
		m.enter(&k.c.o, Read, p.cpu)
	}
	if m.rcu.watched {
		k.enterSections()
	}
	e := &m.events[len(m.events)-1]
	if !stays {
		e.Known = e.last - e.first
	}
	if p.wait == Awaiting {
		_, changes := k.could(-1)
		m.awaits = append(m.awaits, await{int32(len(m.events) - 1), int32(changes), k.could})
	}
	if p.obj != nil {
		p.obj.check(k, p.mode)
		k.usesLife(p.obj, p.mode)
		k.synchronise(p.obj, p.mode, ops[p.op].store)
	}
	if len(k.text) > 0 {
		k.fetch()
	}
}

// enter adds an object to the last step. Before the first step it does nothing:
// what the setup does comes before everything.
func (m *Machine) enter(o *Object, mode Mode, need Wait) {
	if m.unordered(o) {
		return
	}
	if m.States {
		m.finds(o, mode)
	}
	if len(m.events) == 0 {
		return
	}
	if m.LockAware {
		m.usesInSection(o, mode)
	}
	m.enterUse(o, mode, need)
}

// enterPlain is enter for plain data.
func (m *Machine) enterPlain(o *Object, mode Mode) {
	if m.LockAware {
		m.usesPlain(o, mode)
	}
	m.enterUse(o, mode, 0)
}

func (m *Machine) enterUse(o *Object, mode Mode, need Wait) {
	a := m.newAccess()
	a.Obj, a.Mode, a.Need, a.Before, a.Since, a.Idle, a.Passes = o.id, mode, need, o.allow, 0, false, false
	a.Last, a.ByLast, a.Follows = false, m.asLast, false
	if m.retries {
		m.acting.does(uint64(o.id)<<8 | uint64(mode))
	}
	if mode != Read {
		m.objects[o.id].version++
	}
	if o.life != nil {
		m.accesses = append(m.accesses, Access{Obj: o.life.o.id, Mode: Read, ByLast: m.asLast})
	}
	m.events[len(m.events)-1].last = int32(len(m.accesses))
}

// newEvent makes room for an event, which is to be filled in place: these are made with
// every step, and the copy of a literal costs more than all else about them.
func (m *Machine) newEvent() *Event {
	n := len(m.events)
	if n == cap(m.events) {
		m.events = slices.Grow(m.events, 1)
	}
	m.events = m.events[:n+1]
	return &m.events[n]
}

// newAccess does so for an access.
func (m *Machine) newAccess() *Access {
	n := len(m.accesses)
	if n == cap(m.accesses) {
		m.accesses = slices.Grow(m.accesses, 1)
	}
	m.accesses = m.accesses[:n+1]
	return &m.accesses[n]
}

// uses says whether the last step is known to use o in this mode.
func (m *Machine) uses(o *Object, mode Mode) bool {
	if len(m.events) == 0 {
		return true // of no consequence
	}
	for _, a := range m.accesses[m.first:] {
		if a.Obj == o.id && a.Mode == mode {
			return true
		}
	}
	return false
}

// Touch adds o to the objects used by the step that is being taken. It is for
// steps that find out only as they go what they use.
func (k *K) Touch(o *Object, mode Mode) {
	if k.m.aborting {
		panic(errUnwind)
	}
	if !k.setup {
		k.m.enter(o, mode, 0)
	}
	o.check(k, mode)
	k.usesLife(o, mode)
	k.synchronise(o, mode, false)
}

// AsLast does what falls to the last of those who add to o, such as freeing what nobody
// has a reference to any more, as part of the step that is being taken, which adds to
// o. Whichever of them comes last has to do the same: then it does not matter which
// that is, and their steps still commute with each other. So what is done comes
// after all of them, and before none.
func (k *K) AsLast(o *Object, do func()) {
	m := k.m
	if k.setup || m.unordered(o) || len(m.events) == 0 {
		do()
		return
	}
	*m.newAccess() = Access{Obj: o.id, Mode: Add, Before: o.allow, Idle: true, Last: true}
	m.events[len(m.events)-1].last = int32(len(m.accesses))
	m.asLast = true
	do()
	m.asLast = false
}

// immediate takes the pending step on behalf of the setup.
func (k *K) immediate() {
	k.asks = false
	if o := k.pending.obj; o != nil {
		o.check(k, k.pending.mode)
	}
	if !k.ready() {
		k.Fail(&Violation{Kind: Deadlock, Subject: "the setup or the final check would block in " + k.pending.call()})
	}
	if o := k.pending.obj; o != nil {
		k.synchronise(o, k.pending.mode, ops[k.pending.op].store)
	}
}

// call is the pending step as it is written in C.
func (p *pending) call() string { return describe(p.op, p.obj) }

var opChoose = NewOp("choose")

// Choose lets the strategy pick one of n ways to go on; 0 is the ordinary one.
// What names the decision in traces.
func (k *K) Choose(n int, what string) int {
	if k.setup || n < 2 {
		return 0
	}
	if n > math.MaxInt16 {
		panic("sim: a choice between more than 32767 ways")
	}
	k.choices = int16(n)
	k.Step(opChoose, nil, Read)
	k.choices = 0
	v := k.m.value(k, n)
	e := &k.m.events[len(k.m.events)-1]
	e.Choice, e.Choices = int16(v), int16(n)
	k.m.hash = mix(k.m.hash, uint64(v)+1)
	if k.Tracing() {
		k.Note("%s: %d of %d", what, v, n)
	}
	return v
}
