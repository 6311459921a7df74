package sim

import (
	"fmt"
	"iter"
	"strconv"
	"strings"

	"trapline/sim/memory"
)

// DefaultMaxSteps is the number of steps after which an execution is cut off
// and counted as unfinished.
const DefaultMaxSteps = 20_000

// Machine is one simulated computer. It runs a program (a set of tasks) once
// for every call of [Machine.Run], in an order that a [Strategy] chooses, and
// keeps its coroutines and tables from one execution to the next. A machine
// belongs to one goroutine at a time.
type Machine struct {
	// MaxSteps bounds the steps of one execution.
	MaxSteps int
	// MaxTaskSteps bounds the steps of each task, 0 for no bound: one that has taken
	// so many goes no further. Unlike MaxSteps it means the same in every order of
	// independent steps, so that a search can be complete up to it.
	MaxTaskSteps int
	// AllocMayFail lets the strategy fail allocations.
	AllocMayFail bool
	// CommuteRMW takes additions whose result nobody asks for (atomic_inc,
	// this_cpu_inc, refcount_inc) for steps that commute, so that a search does
	// not explore their order. What can happen is the same, but for this: two
	// that add give each other's plain accesses no order, so that what is a data
	// race in one order of the additions is one in all, and hides what the
	// others would have come to.
	CommuteRMW bool
	// StateHash computes Outcome.State.
	StateHash bool
	// States has the machine keep up with the state that it is in, see
	// [Machine.State].
	States bool
	// NoSymmetry takes the tasks of GoSymmetric for ordinary ones. So does a machine
	// with a memory model other than SC.
	NoSymmetry bool
	// ProveRawLockNesting is CONFIG_PROVE_RAW_LOCK_NESTING: lockdep tells raw
	// spinlocks from others, which sleep on PREEMPT_RT and so must not be asked
	// for under a raw one.
	ProveRawLockNesting bool
	// LockAware takes the critical sections of a mutex or a spinlock for one step
	// each, where that changes nothing that can happen, so that a search does not
	// explore the order of those that commute: see section.go. The data races
	// that are seen then include those of another order.
	LockAware bool
	// Forgetful keeps no account of the steps that have been taken, nor of what was
	// allocated, and takes no loop for a wait: it is for executions without end, which
	// nobody searches or replays.
	// Events, Schedule and the check for leaks have nothing to go by then.
	Forgetful bool
	// RCU is the kernel's RCU.
	RCU RCUModel
	// Memory is the memory model: SC, TSO (x86), or LKMM (the Linux-kernel memory
	// model), see weak.go. Only SC is for questions of who waits for whom.
	Memory memory.Model

	strategy Strategy
	point    Point // reused, so that a step allocates nothing
	options  []TaskID

	ids     *ids
	tasks   []*K // by TaskID, nil if only a sibling has it; tasks[0] is the setup
	live    []*K // tasks of this execution that have not ended, by order
	next    *K   // who takes the next step; nil ends the execution
	running *K   // who took the last step, nil if it has ended
	acting  *K   // whose values are folded, if values says so
	values  bool // somebody needs them: StateHash, or loops that try again

	unfinished []TaskID
	events     []Event
	taken      int // steps, of which several may be one event
	accesses   []Access
	first      int32 // of the accesses of the last step
	deviations []deviation
	hash       uint64
	preempts   int

	objects []objectInfo // by ObjID
	lives   []*Life
	after   []func(*K)
	awaits  []await
	known   *facts // when the execution began
	trial   trial
	turns   []turn // of loops that try again
	retries bool   // there are some, see retry.go
	retrace retrace
	repeats bool // what the execution has learnt concerns no other

	section   section
	rcu       rcuState
	tracking  tracking
	runs      int   // executions
	weak      *weak // nil if Memory is SC
	symmetric bool  // there are tasks that are alike

	lockdep lockdep
	cpus    cpus
	claimed []string
	resting []*deferred
	system  Workqueue

	outcome   Outcome
	aborting  bool
	choosing  bool // the strategy is being asked
	recording bool
	records   []Record
}

// Outcome is what one execution came to.
type Outcome struct {
	// Violation is the rule that was broken, nil if none was.
	Violation *Violation
	// AtEnd says that the execution came to its end, where nobody can go on: if
	// a rule is broken, no step is to blame for it but all (a deadlock, a leak).
	AtEnd bool
	// Abandoned says that the strategy gave the execution up.
	Abandoned bool
	// Assumed says that an assumption did not hold, see [K.Assume].
	Assumed bool
	// Cut says that MaxSteps ended the execution, and AtBound that it came to its
	// end with tasks that MaxTaskSteps kept from going on: what is left then is no
	// one's fault.
	Cut, AtBound bool
	// Endless says that the tasks go round for ever together, which is the
	// violation: executions go on from here without an end.
	Endless bool
	// Learnt says that the machine gave the execution up because it came to
	// something that it had not watched so far, and will from now on. What
	// earlier executions reported of their steps may lack it: a search has to
	// begin anew.
	Learnt bool
	// Steps is the number of steps taken, Preemptions how often a task that
	// could go on was made to wait.
	Steps, Preemptions int
	// Hash identifies the sequence of steps and the violation: two executions
	// with one hash did the same.
	Hash uint64
	// State, computed if Machine.StateHash asks for it, tells whether the tasks
	// have seen and changed the same values, each in its own order: it does not
	// change when steps that do not depend on each other are exchanged.
	State uint64
}

// Program builds the world of one execution: it makes the objects, and gives
// the machine its tasks with [Machine.Go]. It is called at the start of every
// execution and must do the same each time.
type Program func(m *Machine)

// NewMachine returns a machine without tasks. Close it to end its coroutines.
func NewMachine() *Machine {
	m := &Machine{MaxSteps: DefaultMaxSteps, ids: newIDs()}
	m.known = m.ids.known.Load()
	m.tasks = append(m.tasks, &K{m: m, name: "setup", setup: true})
	m.objects = append(m.objects, objectInfo{}) // ObjID 0 is no object
	m.cpus.rest.many = true
	return m
}

// Sibling returns a machine of the same settings, which has yet to run, and gives
// the same numbers to the same tasks and objects. The two may run at the same
// time, each in a goroutine of its own.
func (m *Machine) Sibling() *Machine {
	s := NewMachine()
	s.MaxSteps, s.MaxTaskSteps, s.AllocMayFail, s.CommuteRMW, s.StateHash, s.NoSymmetry = m.MaxSteps, m.MaxTaskSteps, m.AllocMayFail, m.CommuteRMW, m.StateHash, m.NoSymmetry
	s.ProveRawLockNesting, s.LockAware, s.RCU, s.Memory, s.ids = m.ProveRawLockNesting, m.LockAware, m.RCU, m.Memory, m.ids
	return s
}

// Close ends the coroutines of the machine, which must not be used again.
func (m *Machine) Close() {
	for _, k := range m.tasks {
		if k != nil && k.stop != nil {
			k.stop()
		}
	}
	m.tasks = nil
}

// Run executes the program once, asking s for every choice. If the machine
// learns something, a [Restarter] begins again, and so does a [Repeater] if earlier
// executions are not concerned.
func (m *Machine) Run(p Program, s Strategy) Outcome {
	for {
		o := m.once(p, s)
		if !o.Learnt {
			return o
		}
		switch s := s.(type) {
		case Restarter:
			s.Restart()
		case Repeater:
			if !m.repeats {
				return o
			}
			s.Repeat()
		default:
			return o
		}
	}
}

func (m *Machine) once(p Program, s Strategy) Outcome {
	if r, ok := s.(*Replay); ok {
		m.prepare(r.schedule)
	}
	m.reset(s)
	defer m.unwind() // also when the strategy panics
	m.guard(func() {
		p(m)
		m.loop()
		m.finish()
	})
	m.closeSections()
	m.outcome.Steps = m.taken
	m.outcome.Preemptions = m.preempts
	m.outcome.Hash = m.hash
	if v := m.outcome.Violation; v != nil {
		m.outcome.Hash = mix(m.hash, v.Kind.hash())
	}
	if m.StateHash {
		m.outcome.State = m.state()
	}
	return m.outcome
}

// Record executes the program once like Run and keeps a readable record of
// every step, with the place in the source, for [Machine.Records].
func (m *Machine) Record(p Program, s Strategy) Outcome {
	m.recording = true
	defer func() { m.recording = false }()
	return m.Run(p, s)
}

func (m *Machine) reset(s Strategy) {
	m.strategy = s
	m.live = m.live[:0]
	m.next, m.running = nil, nil
	m.events, m.taken = m.events[:0], 0
	m.accesses, m.first = m.accesses[:0], 0
	m.deviations = m.deviations[:0]
	m.records = m.records[:0]
	m.hash, m.preempts = 0, 0
	clear(m.lives)
	m.lives = m.lives[:0]
	clear(m.after)
	m.after = m.after[:0]
	m.claimed = nil
	clear(m.awaits)
	m.awaits = m.awaits[:0]
	m.known = m.ids.known.Load()
	m.trial, m.repeats = trial{}, false
	m.turns, m.retries = m.turns[:0], m.known.steps.has(tasksRetry) && !m.States
	m.values = m.StateHash || m.retries
	m.section.reset(m.known)
	clear(m.resting)
	m.resting = m.resting[:0]
	m.system.reset()
	m.lockdep.reset()
	m.cpus.reset()
	m.rcu.reset(m.known)
	m.outcome = Outcome{}
	m.aborting, m.choosing = false, false
	for i := range m.objects {
		o := &m.objects[i]
		o.stores, o.adds = o.stores[:0], o.adds[:0]
	}
	m.runs++
	m.prepareMemory()
	m.tasks[0].reset()
	m.acting = m.tasks[0]
	m.symmetric = false
	if m.States {
		m.resetStates()
	}
	if m.StateHash {
		for _, k := range m.tasks {
			k.folded = 0
		}
	}
}

// guard runs host-side code of the setup, where Fail unwinds to here.
func (m *Machine) guard(f func()) {
	defer func() {
		if r := recover(); r != nil && r != errUnwind && !m.oops(m.tasks[0], r) {
			panic(r)
		}
	}()
	f()
}

// Go adds a task that runs f. Only the program may call it, and only while it
// sets up an execution.
func (m *Machine) Go(name string, f func(k *K)) TaskID {
	return m.spawn(m.tasks[0], name, false, Task, f).id
}

// Daemon is Go for a task that serves others for ever: an execution may end
// while it waits.
func (m *Machine) Daemon(name string, f func(k *K)) TaskID {
	return m.spawn(m.tasks[0], name, true, Task, f).id
}

// Setup returns the handle with which the program builds its world: its calls
// take effect at once, are not steps, and must not block.
func (m *Machine) Setup() *K { return m.tasks[0] }

// After adds f to what is run, like the setup, when every task has ended
// without a violation.
func (m *Machine) After(f func(k *K)) { m.after = append(m.after, f) }

// Fold makes x a part of the trace hash: a value that a step has seen or changed,
// or a property of the program that the steps do not show.
func (m *Machine) Fold(x uint64) {
	m.hash = mix(m.hash, x)
	if m.values {
		m.acting.fold(x)
	}
}

// fold makes x a part of what the task has seen or changed.
func (k *K) fold(x uint64) {
	k.folded = mix(k.folded, x)
	if k.m.retries {
		k.does(x)
	}
}

// state combines what the tasks have folded, whatever the order among them.
func (m *Machine) state() uint64 {
	sum := uint64(0)
	for _, k := range m.tasks {
		if k.folded != 0 {
			sum += mix(k.order+1, k.folded)
		}
	}
	return sum
}

// ClaimOrder states the lock order of a design, outer lock first, by the names
// of the lock classes. Taking them in another order is a violation. It must come
// before the first lock is made.
func (m *Machine) ClaimOrder(names []string) {
	if m.tasks[0].nobjects > 0 {
		panic("sim: ClaimOrder comes too late, there are locks already")
	}
	m.claimed = names
}

// spawn gives parent its next child. The child runs at once up to its first
// step, so that every live task always has a step pending; the children of the
// setup do so in loop, when the world they are to act on is complete.
func (m *Machine) spawn(parent *K, name string, daemon bool, ctx Context, f func(k *K)) *K {
	return m.spawnOn(parent, name, daemon, ctx, nil, f)
}

// spawnOn is spawn on a certain CPU.
func (m *Machine) spawnOn(parent *K, name string, daemon bool, ctx Context, c *cpu, f func(k *K)) *K {
	n := parent.nchildren
	parent.nchildren++
	if n == len(parent.children) {
		child := &K{m: m, id: m.ids.ofTask(parent.id, n), order: childOrder(parent, n), dead: true}
		for len(m.tasks) <= int(child.id) {
			m.tasks = append(m.tasks, nil)
		}
		m.tasks[child.id] = child
		parent.children = append(parent.children, child)
	}
	k := parent.children[n]
	if k.dead {
		k.next, k.stop = iter.Pull(k.body)
		k.dead = false
	}
	k.reset()
	k.daemon, k.ctx, k.f, k.parent = daemon, ctx, f, parent
	k.call(name, parent, n)
	k.alive, k.born = true, m.runs
	k.wake.init(k, k.name)
	k.wake.Allow(woken)
	if m.weak != nil {
		k.orderedBy(&k.wake, fully)
	}
	k.chain = parent.chain
	if k.c = c; c == nil {
		k.c = m.cpus.place(k, parent)
	}
	k.guest = c != nil && c.many
	if m.States {
		m.bears(parent, k)
	}
	k.inherit(parent)
	i := len(m.live)
	m.live = append(m.live, k)
	for ; i > 0 && m.live[i-1].order > k.order; i-- {
		m.live[i] = m.live[i-1]
	}
	m.live[i] = k
	if !parent.setup {
		parent.Touch(&k.wake, Write)
		k.wake.Allow(born)
		if m.weak != nil {
			m.weak.bear(parent, k)
		}
		if m.States {
			m.tracking.actor = k
		}
		k.next()
		if m.aborting {
			panic(errUnwind)
		}
		if m.States {
			m.tracking.actor = parent
		}
	}
	return k
}

// call names the n-th child of parent. A task that is spawned by another goes by
// both names, and one that shares its name with an elder sibling by its number
// too, so that a name in a schedule means one task.
func (k *K) call(name string, parent *K, n int) {
	again := false
	for _, elder := range parent.children[:n] {
		again = again || elder.given == name
	}
	if k.given == name && k.again == again && k.under == parent.name {
		return // called so in an earlier execution
	}
	if name == "" || strings.ContainsAny(name, "@,=") {
		panic(fmt.Sprintf("sim: a task cannot be called %q: schedules could not name it", name))
	}
	k.given, k.again, k.under, k.name = name, again, parent.name, name
	if !parent.setup {
		k.name = parent.name + "/" + name
	}
	if again {
		k.name += "." + strconv.Itoa(n+1)
	}
}

// A place among all tasks has so many bits for each generation, from the top.
const (
	generationBits = 12
	generations    = 5
	eldest         = generationBits * (generations - 1) // where the first one is
)

// childOrder places the n-th child of parent behind it and its elder children.
func childOrder(parent *K, n int) uint64 {
	depth := parent.depth()
	if n >= 1<<generationBits-1 || depth >= generations {
		panic("sim: a task spawned more than 4094 others, or they did so over more than 5 generations")
	}
	return parent.order | uint64(n+1)<<(eldest-generationBits*depth)
}

// loop runs the tasks until none can go on.
func (m *Machine) loop() {
	m.cpus.begin(m)
	for i := 0; i < len(m.live); {
		k := m.live[i]
		if !k.begun {
			if m.States {
				m.tracking.actor = k
			}
			k.next()
		}
		if m.aborting {
			return
		}
		if k.alive { // it has a step pending, and has not ended without one
			i++
		}
	}
	if m.symmetric {
		m.alike()
	}
	m.next = m.pick(nil)
	for m.next != nil {
		m.next.next()
	}
}

// pick asks the strategy who takes the next step. cur is the task that took the
// last one, nil at the start or when that task has ended. It returns nil when
// the execution is over.
func (m *Machine) pick(cur *K) *K {
	if m.aborting {
		return nil
	}
	if m.trial.k != nil {
		return m.onTrial(cur)
	}
	if m.retries {
		if m.roundTrip() {
			return nil
		}
		if m.trial.k != nil {
			return m.onTrial(cur)
		}
	} else if m.taken >= longRun && m.seemsToRetry() {
		m.startOver(func(f *facts) { f.steps |= tasksRetry })
		return nil
	}
	m.running = cur
	if cur != nil && cur.inSection() && m.taken < m.MaxSteps {
		return cur
	}
	options := m.options[:0]
	p := &m.point
	p.Running = cur != nil && cur.ready() && (cur.late || !cur.yields())
	if p.Running {
		options = append(options, cur.id)
	}
	late, yields := false, false
	for _, k := range m.live {
		if (k != cur || !p.Running) && k.ready() {
			if k.late || k.yields() {
				late, yields = late || k.late, yields || !k.late
				continue
			}
			options = append(options, k.id)
		}
	}
	if yields {
		options = m.yielding(options)
	}
	if late {
		options = m.later(cur, options)
	}
	m.options = options
	if len(options) == 0 {
		if m.revive() {
			return m.pick(cur)
		}
		return nil
	}
	if m.taken >= m.MaxSteps {
		m.outcome.Cut = true
		return nil
	}
	p.Step, p.Tasks, p.N = len(m.events), options, len(options)
	i := m.ask(p)
	if i < 0 {
		m.outcome.Abandoned = true
		return nil
	}
	k := m.tasks[options[i]]
	if i > 0 {
		m.deviations = append(m.deviations, deviation{step: m.taken, task: k.id})
		if p.Running {
			m.preempts++
		}
	}
	return k
}

// ask has the strategy choose. What goes wrong in it is not the kernel's fault.
func (m *Machine) ask(p *Point) int {
	m.choosing = true
	i := m.strategy.Choose(m, p)
	m.choosing = false
	return i
}

// value asks the strategy for a value below n on behalf of k.
func (m *Machine) value(k *K, n int) int {
	p := &m.point
	p.Step, p.Tasks, p.N, p.Running, p.Task = len(m.events)-1, nil, n, false, k.id
	i := m.ask(p)
	if i < 0 {
		m.outcome.Abandoned = true
		m.aborting = true
		panic(errUnwind)
	}
	if i > 0 {
		m.deviations = append(m.deviations, deviation{step: m.taken - 1, value: i})
	}
	if m.States {
		k.local = mix(k.local, uint64(i)+1)
	}
	return i
}

// learn gives the execution up: from the next one on the machine watches more.
func (m *Machine) learn(add func(*facts)) {
	m.startOver(add)
	panic(errUnwind)
}

// startOver is learn for those who return by themselves.
func (m *Machine) startOver(add func(*facts)) {
	m.ids.learn(add)
	if m.weak != nil {
		m.weak.memo.forget()
	}
	m.outcome.Learnt = true
	m.aborting = true
}

// finish judges an execution in which no task can go on.
func (m *Machine) finish() {
	if m.aborting || m.outcome.Abandoned || m.outcome.Cut || m.outcome.Assumed || m.outcome.Endless {
		return
	}
	for _, k := range m.live {
		if k.done() {
			m.outcome.AtBound = true
			return
		}
	}
	m.outcome.AtEnd = true
	m.acting = m.tasks[0]
	if v := m.stuck(); v != nil {
		m.outcome.Violation = v
		return
	}
	if m.weak != nil && m.weak.judge(m) {
		return
	}
	for _, f := range m.after {
		f(m.tasks[0])
	}
	m.leaks()
}

// unwind brings every task that is still inside the program back to its start.
func (m *Machine) unwind() {
	m.aborting = true
	m.strategy = nil
	m.unfinished = m.unfinished[:0]
	for _, k := range m.live {
		if k.asks && !k.unborn() && !k.done() {
			m.unfinished = append(m.unfinished, k.id)
		}
	}
	for _, k := range m.live {
		if k.alive && k.begun {
			k.next()
		}
	}
	m.live = m.live[:0]
}

// Events are the steps of the last execution, in order.
func (m *Machine) Events() []Event { return m.events }

// Accesses are the objects that a step used.
func (m *Machine) Accesses(e *Event) []Access { return m.accesses[e.first:e.last] }

// Choices is the number of values of the data choice that a task is about to
// make, 0 if its pending step is something else.
func (m *Machine) Choices(id TaskID) int { return int(m.tasks[id].pending.choices) }

// PendingOp is the kind of the pending step of an unfinished task.
func (m *Machine) PendingOp(id TaskID) Op { return m.tasks[id].pending.op }

// Pending appends to uses what the pending step of an unfinished task is known
// to use.
func (m *Machine) Pending(id TaskID, uses []Access) []Access {
	k := m.tasks[id]
	if k.gated() {
		uses = append(uses, Access{Obj: k.wake.id, Mode: Read, Need: born, Before: k.wake.allow})
	}
	if o := k.pending.obj; o != nil && !k.inMemory && !m.unordered(o) {
		uses = append(uses, Access{Obj: o.id, Mode: k.pending.mode, Need: k.pending.wait, Before: o.allow, Since: m.since(k, o)})
		if o.life != nil {
			uses = append(uses, Access{Obj: o.life.o.id, Mode: Read})
		}
	}
	if k.inMemory && k.pending.obj.life != nil {
		uses = append(uses, Access{Obj: k.pending.obj.life.o.id, Mode: Read})
	}
	if k.steps == 0 && k.younger != nil {
		uses = append(uses, Access{Obj: k.younger.wake.id, Mode: Write, Before: k.younger.wake.allow})
	}
	if k.pending.wait == Spinning && !k.inMemory {
		for i, l := range k.loop {
			if !k.pending.uses(l.obj) && !again(k.loop[:i], l.obj) {
				uses = append(uses, Access{Obj: l.obj, Mode: Read, Need: Spinning, Since: m.objects[l.obj].version - l.version})
			}
		}
	}
	if w := k.pending.cpu; w != 0 {
		uses = append(uses, Access{Obj: k.c.o.id, Mode: Read, Need: w, Before: k.c.o.allow})
	}
	return k.pendingSections(uses)
}

// PendingOnly is the object that the pending step of an unfinished task is known to
// use, if it is known to use no other, and costs less than [Machine.Pending]. It may be
// 0 all the same, and then Pending says.
func (m *Machine) PendingOnly(id TaskID) ObjID {
	k := m.tasks[id]
	o := k.pending.obj
	if o == nil || o.life != nil || k.steps == 0 || k.inMemory || k.pending.wait == Spinning || k.pending.cpu != 0 || m.weak != nil || m.rcu.watched {
		return 0
	}
	return o.id
}

// Unfinished are the tasks that had a step pending when the last execution
// ended, daemons included; Pending says which. The slice is valid
// until the next execution.
func (m *Machine) Unfinished() []TaskID { return m.unfinished }

// Waiting says whether a task has a step pending that it may yet take. The setup never
// has, even if a rule was broken in the midst of one of its steps.
func (m *Machine) Waiting(id TaskID) bool {
	k := m.tasks[id]
	return k != nil && !k.setup && k.asks && !k.done()
}

// Tasks is one more than the highest TaskID that the machine has given out.
func (m *Machine) Tasks() int { return len(m.tasks) }

// Objects is one more than the highest ObjID that the machine has given out.
func (m *Machine) Objects() int { return len(m.objects) }

// Parent is the task that spawned a task, 0 (the setup) for those of the program.
func (m *Machine) Parent(id TaskID) TaskID {
	if p := m.tasks[id].parent; p != nil {
		return p.id
	}
	return 0
}

// TaskName is the name of a task, empty if the machine has not run it yet.
func (m *Machine) TaskName(id TaskID) string {
	if int(id) >= len(m.tasks) || m.tasks[id] == nil {
		return ""
	}
	return m.tasks[id].name
}
