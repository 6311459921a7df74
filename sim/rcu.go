package sim

// RCUModel says which kernel's RCU the machine has: which regions of code the
// updaters of each flavour wait for.
//
//	                        rcu_read_lock  preemption off  softirqs off  interrupts off  other code
//	ConsolidatedRCU, ConsolidatedNonPreemptRCU
//	  synchronize_rcu       waits          waits           waits         waits           -
//	  synchronize_sched     is synchronize_rcu, and so is
//	  synchronize_rcu_bh
//	PreemptRCU
//	  synchronize_rcu       waits          -               -             -               -
//	  synchronize_sched     -              waits           waits         waits           -
//	  synchronize_rcu_bh    -              -               waits         waits           -
//	ClassicRCU
//	  synchronize_rcu       waits          waits           waits         waits           -
//	  synchronize_sched     is synchronize_rcu
//	  synchronize_rcu_bh    -              -               waits         waits           -
//	all of them
//	  ..._rcu_tasks         any code of a task since it has last slept
//	  ..._rcu_tasks_rude    -              waits           waits         waits           -
//	  ..._rcu_tasks_trace   rcu_read_lock_trace only
//	  synchronize_srcu      srcu_read_lock of the same domain only
//
// Preemption is off after preempt_disable and rcu_read_lock_sched and under a
// spinlock. Softirqs are off after local_bh_disable and rcu_read_lock_bh, under
// spin_lock_bh, and in a softirq. Interrupts are off after local_irq_save, under
// spin_lock_irqsave, and in an interrupt. In ClassicRCU and
// ConsolidatedNonPreemptRCU rcu_read_lock itself is a region with preemption off.
// Regions of a task that overlap are one.
//
// What a kernel waits for beyond that, because of how it is built, is left out:
// code that relies on it is wrong.
type RCUModel uint8

const (
	// ConsolidatedRCU is that of Linux 4.20 and later, with preemptible readers:
	// one flavour waits for readers of every kind.
	ConsolidatedRCU RCUModel = iota
	// ConsolidatedNonPreemptRCU is the same for a kernel without preemption.
	ConsolidatedNonPreemptRCU
	// PreemptRCU is that of the realtime kernels of 2005, and of 2.6.25 to 4.19
	// with CONFIG_PREEMPT_RCU: every flavour has readers of its own.
	PreemptRCU
	// ClassicRCU is that of 2.6, and up to 4.19 without preemption: rcu_read_lock
	// is preempt_disable, so that rcu and sched are one flavour.
	ClassicRCU
)

// preemptible says whether readers under rcu_read_lock can be preempted.
func (r RCUModel) preemptible() bool { return r == ConsolidatedRCU || r == PreemptRCU }

// flavour is a kind of grace period, apart from SRCU, whose domains are as many
// as one likes.
type flavour uint8

const (
	flavourRCU flavour = iota
	flavourSched
	flavourBH
	flavourTasks
	flavourRude
	flavourTrace
	flavours
)

// firstOfRCU is where the objects of the flavours begin among those that go with
// the setup, see Machine.own.
const firstOfRCU = 8

// flavourNames are the names of the flavours in reports: those of lockdep's maps
// where the readers have one.
var flavourNames = [flavours]string{
	"rcu_read_lock", "rcu_read_lock_sched", "rcu_read_lock_bh", "rcu_tasks", "rcu_tasks_rude", "rcu_read_lock_trace",
}

// region is a kind of code that a grace period may have to wait for.
type region uint8

const (
	inReader   region = 1 << iota // under rcu_read_lock
	inTrace                       // under rcu_read_lock_trace
	preemptOff                    //
	softirqOff                    // or in a softirq
	irqsOff                       // or in an interrupt
	awake                         // anything since the task has last slept
	atomically = preemptOff | softirqOff | irqsOff
)

// same is the flavour whose grace periods those of f are.
func (r RCUModel) same(f flavour) flavour {
	switch {
	case f == flavourSched && r != PreemptRCU:
		return flavourRCU
	case f == flavourBH && (r == ConsolidatedRCU || r == ConsolidatedNonPreemptRCU):
		return flavourRCU
	}
	return f
}

// regions is what the updaters of a flavour wait for.
func (r RCUModel) regions(f flavour) region {
	switch r.same(f) {
	case flavourRCU:
		if r == PreemptRCU {
			return inReader
		}
		return inReader | atomically
	case flavourSched, flavourRude:
		return atomically
	case flavourBH:
		return softirqOff | irqsOff
	case flavourTrace:
		return inTrace
	default:
		return awake
	}
}

// rcuState is what a machine keeps of RCU.
type rcuState struct {
	crowds [flavours]rcuCrowds
	used   bool // in the execution under way
	// watch says for which flavours the machine knows who is inside. Where not
	// all regions are steps of their own anyway that is learnt, when somebody
	// first waits for them. watched says that there is one.
	watch   [flavours]bool
	watched bool
	polled  bool // somebody polls, see rcu_poll.go; learnt
}

// rcuCrowds are the readers of a flavour and the callbacks that wait for them.
type rcuCrowds struct {
	readers   crowd
	callbacks callbacks
}

// rcuReader is what a task is a reader of.
type rcuReader struct {
	depth  [flavours]int // of explicit readers
	inside [flavours]int // one more than what comeIn returned, 0 for outside
	srcu   []srcuReader
	rests  bool // the step does not count as running
	gone   bool // the task is at its end
}

func (r *rcuReader) reset() { *r = rcuReader{srcu: r.srcu[:0]} }

func (r *rcuState) reset(known *facts) {
	for f := range r.watch {
		if known.steps.has(stepsOf(flavour(f))) {
			r.watch[f], r.watched = true, true
		}
	}
	r.polled = known.polled
	if !r.used {
		return
	}
	r.used = false
	for f := range r.crowds {
		r.crowds[f].readers.reset()
		r.crowds[f].callbacks.reset()
	}
}

// flavour is the state of a flavour, which it may share with another.
func (m *Machine) flavour(f flavour) *rcuCrowds { return m.ownFlavour(m.RCU.same(f)) }

// ownFlavour is the state of a flavour by itself. Its objects belong to no task: they
// are the same whoever uses them first.
func (m *Machine) ownFlavour(f flavour) *rcuCrowds {
	c := &m.rcu.crowds[f]
	m.rcu.used = true
	if c.readers.o.id == 0 {
		setup, n := m.tasks[0], firstOfRCU+3*int(f)
		m.own(&c.readers.o, setup, n, flavourNames[f])
		c.readers.readers = true
		m.own(&c.readers.polls, setup, n+1, flavourNames[f])
		m.own(&c.callbacks.o, setup, n+2, flavourNames[f])
	}
	if m.weak != nil {
		setup := m.tasks[0]
		setup.orderedBy(&c.readers.o, byAxiom)
		setup.orderedBy(&c.readers.polls, byAxiom)
	}
	if m.RCU.regions(f)&(atomically|awake) == 0 {
		m.rcu.watch[f], m.rcu.watched = true, true
	}
	return c
}

var (
	opRCUReadLock             = NewOp("rcu_read_lock()")
	opRCUReadUnlock           = NewOp("rcu_read_unlock()")
	opSynchronizeRCU          = NewOp("synchronize_rcu()")
	opSynchronizeRCUExpedited = NewOp("synchronize_rcu_expedited()")
)

// RCUReadLock is rcu_read_lock(): until the matching RCUReadUnlock the task is a
// reader, who must not sleep. Inside another one it is no step.
func (k *K) RCUReadLock() { k.readLock(flavourRCU, opRCUReadLock) }

// RCUReadUnlock is rcu_read_unlock().
func (k *K) RCUReadUnlock() { k.readUnlock(flavourRCU, opRCUReadUnlock) }

// SynchronizeRCU is synchronize_rcu(): it sleeps until all have left who are
// readers when it begins. Of which kinds is said at [RCUModel].
func (k *K) SynchronizeRCU() { k.synchronize(flavourRCU, opSynchronizeRCU) }

// SynchronizeRCUExpedited is synchronize_rcu_expedited(): the same, in a hurry.
func (k *K) SynchronizeRCUExpedited() { k.synchronize(flavourRCU, opSynchronizeRCUExpedited) }

// count enters one more or less explicit reader of f, with what else that means.
func (k *K) count(f flavour, n int, op Op) {
	k.rcu.depth[f] += n
	switch {
	case f == flavourSched || f == flavourRCU && !k.m.RCU.preemptible():
		k.mask(op, k.preempt+n, k.bhOff, k.irqOff)
	case f == flavourBH:
		k.mask(op, k.preempt, k.bhOff+n, k.irqOff)
	}
}

// staysIn says whether k is inside f still if it leaves an explicit reader.
func (k *K) staysIn(f flavour) bool {
	depth, preempt, bh := k.rcu.depth[f], k.preempt, k.bhOff
	k.rcu.depth[f]--
	switch {
	case f == flavourSched || f == flavourRCU && !k.m.RCU.preemptible():
		k.preempt--
	case f == flavourBH:
		k.bhOff--
	}
	stays := k.rcu.inside[k.m.RCU.same(f)] != 0 && k.isIn(k.m.RCU.same(f))
	k.rcu.depth[f], k.preempt, k.bhOff = depth, preempt, bh
	return stays
}

// readLock makes k a reader of f.
func (k *K) readLock(f flavour, op Op) {
	c := k.m.flavour(f)
	if k.rcu.depth[f] == 0 {
		if k.rcu.inside[k.m.RCU.same(f)] == 0 {
			k.Step(op, &c.readers.o, Add)
		} else { // it changes nothing
			k.Step(op, nil, Read)
		}
	}
	k.count(f, 1, op)
	k.acquired(&k.m.ownFlavour(f).readers.o, true)
	k.enterSections()
}

// readUnlock ends what readLock has begun.
func (k *K) readUnlock(f flavour, op Op) {
	c := k.m.flavour(f)
	if k.rcu.depth[f] <= 1 {
		if k.staysIn(f) {
			k.Step(op, nil, Read)
		} else {
			k.Step(op, &c.readers.o, Add)
		}
	}
	k.releasing(&k.m.ownFlavour(f).readers.o, true)
	k.count(f, -1, op)
	k.leaveSections()
}

// synchronize waits for the readers of f, in a call of the given kind.
func (k *K) synchronize(f flavour, op Op) {
	k.checkSynchronize(f, op)
	k.MightSleep(op.String())
	c := &k.m.flavour(f).readers
	k.beginWait(op, f, c)
	k.waitFor(op, c)
}

// beginWait is the step that begins a grace period for the readers c of f.
func (k *K) beginWait(op Op, f flavour, c *crowd) {
	if f != flavours {
		k.watch(f)
	}
	k.rcu.rests = true
	k.Step(op, &c.o, Read)
	k.rcu.rests = false
}
