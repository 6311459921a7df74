package sim

// deferred is something that the kernel runs later, on behalf of who has asked for
// it: a timer, a work item. It has a task of its own, its agent, which is spawned
// when it is first asked for, as a child of who does that. The agent waits until
// the object is due. An execution may end while it does so, but never while it
// could go on: what was asked for is done, unless it is cancelled.
//
// There is no clock: what is due may happen at any later moment.
//
// # What keeps itself going
//
// A timer whose handler arms it again, a work item that queues itself, or both in
// turn, would go on for ever. So what is asked for by a deferred item is a link of
// a chain, which began with an ordinary task; only [chainLength] links of it come
// whenever they like. What follows is asked for but rests, until nobody else can
// go on. Then it is done, one resting item at a time, and that again as long as a
// task hangs that it might help, but at most [lastHope] times for each item. If
// all that is left at the end of an execution rests, each item is done once more.
type deferred struct {
	o    Object // pending or not; allows due
	run  Object // allows idle while the agent is not busy; in no allocation
	dep  Object // what lockdep takes it for, while it runs
	life *Life

	pending bool // asked for
	busy    bool // the function runs
	chain   int  // which link it is
	rests   bool
	revived int  // how often it was done when nobody else could go on
	last    bool // it is to be done because nobody else can go on
	delayed bool // its time has not come: a delayed work item
	agent   *K
	context Context
	name    string
	serve   func(k *K) // what the agent does when the object is due
	op      Op         // and calls it
	caller  Frame      // what calls the function, for reports
}

const (
	// chainLength is how many links of a chain come whenever they like.
	chainLength = 3
	// lastHope is how often an item that rests is done for a task that hangs.
	lastHope = 8
)

// The ways of a deferred item. What is due can be done, and idle says that it is
// not being done. Nothing is ever never.
const (
	due   Wait = 1
	idle  Wait = 1
	never Wait = 1 << 13
)

// deferral is what a task has to do with deferred work.
type deferral struct {
	chain   int        // the link that it is a part of, 0 for ordinary tasks
	worker  *Workqueue // that it works for
	late    bool       // comes after everybody else if the machine is left alone
	kthread bool
	text    []*Module // whose functions are on the stack
}

// initDeferred prepares d. lock is the name of its pseudo-lock, which it
// holds while it runs, and which is asked for by who waits until it has run.
func (k *K) initDeferred(d *deferred, name, lock string) {
	d.name = name
	d.o.init(k, name)
	d.run.init(k, name)
	d.dep.InitLock(k, lock)
	d.run.Allow(idle)
}

// inside makes the allocation that d lies in a part of the step being taken.
func (d *deferred) inside(k *K) {
	if d.life == nil || k.m.aborting {
		return
	}
	if !k.setup {
		k.m.enter(&d.life.o, Read, 0)
	}
	d.life.MustBeAlive(k, d.name, Write)
}

// in places d in an allocation, which must not be freed while d is pending.
func (d *deferred) in(l *Life) {
	d.life = l
	l.deferred = append(l.deferred, d)
}

// step is a step of k that uses d.
func (d *deferred) step(k *K, op Op, mode Mode) {
	k.Step(op, &d.o, mode)
	d.inside(k)
}

// ask notes that d is asked for by k. The step that is being taken uses d.o.
func (d *deferred) ask(k *K) {
	if !d.pending || k.chain+1 < d.chain {
		d.chain = k.chain + 1
	}
	d.pending = true
	if d.agent == nil {
		d.agent = k.m.spawn(k, d.name, true, d.context, d.loop)
	}
}

// let makes d, which is asked for, due or puts it to rest.
func (d *deferred) let(k *K) {
	if d.chain > chainLength {
		d.rest(k)
	} else {
		d.rests = false
		d.o.Allow(due)
	}
}

func (d *deferred) rest(k *K) {
	d.rests = true
	k.m.resting = append(k.m.resting, d)
}

// withdraw takes the request for d back.
func (d *deferred) withdraw() {
	d.pending = false
	d.o.Forbid(due)
	d.rests = false
}

// loop is the life of an agent.
func (d *deferred) loop(k *K) {
	for {
		k.daemon, k.late, k.chain = true, true, 0
		k.rcu.gone = true
		k.StepWait(d.op, &d.o, Write, due)
		k.daemon, k.late, k.chain = false, false, d.chain
		if d.last {
			// Nobody else could go on: this comes after all that has happened.
			k.m.enterAll()
			d.last = false
		}
		d.inside(k)
		d.withdraw()
		k.comesUp()
		d.serve(k)
		k.depart()
		k.leave()
	}
}

// comesUp is the arrival of an agent, a handler or a worker, as part of the step
// that it has waited for. An idle one is nowhere.
func (k *K) comesUp() {
	if k.ctx != Task {
		k.handles(1)
	}
	k.rcu.gone = false
	k.enterSections()
}

// handles notes that k begins to handle a softirq on the rest of the CPUs, or with -1
// that it has done so, as part of the step being taken.
func (k *K) handles(n int) {
	if c := k.c; c != nil {
		k.Touch(&c.o, Write)
		c.sections += n
		c.update()
	}
}

// work runs f in the agent k, under the pseudo-locks as which lockdep knows it. end
// is the step with which it ends.
func (d *deferred) work(k *K, f func(k *K), end Op, locks ...*Object) {
	k.Touch(&d.run, Write)
	d.run.Forbid(idle)
	d.busy = true
	if k.m.recording {
		k.at = []Frame{d.caller}
	}
	for _, o := range locks {
		k.acquiring(o)
		k.acquired(o, false)
	}
	f(k)
	for i := len(locks) - 1; i >= 0; i-- {
		k.releasing(locks[i], false)
	}
	k.exit()
	k.Step(end, &d.run, Write)
	d.run.Allow(idle)
	d.busy = false
}

// revive lets an item that rests be done when nobody can go on. It says whether
// there is one.
func (m *Machine) revive() bool {
	if len(m.resting) == 0 || m.aborting {
		return false
	}
	hope := 1
	for _, k := range m.live {
		if k.hung() {
			hope = lastHope
		}
	}
	var first *deferred
	for _, d := range m.resting {
		if d.rests && d.revived < hope && (first == nil || d.revived < first.revived || d.revived == first.revived && d.agent.order < first.agent.order) {
			first = d
		}
	}
	if first == nil {
		return false
	}
	first.revived++
	first.rests, first.last = false, true
	first.chain = chainLength
	first.o.Allow(due)
	return true
}

// enterAll makes the step that is being taken one that comes after everything: it
// could not have been taken before any other. It changes nothing by that.
func (m *Machine) enterAll() {
	for i := 1; i < len(m.objects); i++ {
		m.accesses = append(m.accesses, Access{Obj: ObjID(i), Mode: Write, Need: never, Idle: true})
	}
	m.events[len(m.events)-1].last = int32(len(m.accesses))
	if m.States {
		for i := range m.tracking.found {
			if o := m.tracking.found[i].o; o != nil {
				m.finds(o, Write)
			}
		}
	}
}

// later adds the tasks that come last to the options.
func (m *Machine) later(cur *K, options []TaskID) []TaskID {
	for _, k := range m.live {
		if k != cur && k.late && k.ready() {
			options = append(options, k.id)
		}
	}
	return options
}
