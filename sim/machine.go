package sim

import "trapline/sim/memory"

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
	outer   *K   // whom loop has resumed, see handOver
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
	asLast    bool // see AsLast
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
		if !m.goesOn(s) {
			return o
		}
		switch s := s.(type) {
		case Restarter:
			s.Restart()
		case Repeater:
			s.Repeat()
		}
	}
}

// goesOn says whether a strategy begins its execution again when the machine has learnt
// something, so that nobody else hears of it.
func (m *Machine) goesOn(s Strategy) bool {
	switch s.(type) {
	case Restarter:
		return true
	case Repeater:
		return m.repeats
	}
	return false
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
	m.next, m.outer, m.running = nil, nil, nil
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
	m.turns, m.retries = m.turns[:0], m.known.steps.has(tasksRetry) && !(m.States && m.tracking.forgot)
	m.values = m.StateHash || m.retries
	m.section.reset(m.known)
	clear(m.resting)
	m.resting = m.resting[:0]
	m.system.reset()
	m.lockdep.reset()
	m.cpus.reset()
	m.rcu.reset(m.known)
	m.outcome = Outcome{}
	m.aborting, m.choosing, m.asLast = false, false, false
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
			if k != nil {
				k.folded = 0
			}
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
		if k != nil && k.folded != 0 {
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
