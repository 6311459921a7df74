package sim

// Regions of code that a grace period waits for although nobody has called
// rcu_read_lock: with preemption, softirqs or interrupts off, in an interrupt, or
// simply running (RCU Tasks).
//
// They are watched only on a machine that has learnt that somebody waits for them.
// There preempt_disable and preempt_enable and their like are steps, where they
// begin or end such a region: the code between them has to be inside whatever it
// does first, and a pointer that was loaded before it must not seem to be. A lock
// takes its step inside, and a softirq or an interrupt begins with a step that says
// so and ends with one. Every other region begins with the first step in it.

// regions says where the code of k is.
func (k *K) regions() region {
	if k.rcu.gone {
		return 0
	}
	var r region
	if k.rcu.depth[flavourRCU] > 0 {
		r |= inReader
	}
	if k.rcu.depth[flavourTrace] > 0 {
		r |= inTrace
	}
	if k.preempt > 0 {
		r |= preemptOff
	}
	if k.bhOff > 0 || k.ctx == SoftIRQ {
		r |= softirqOff
	}
	if k.IRQsDisabled() {
		r |= irqsOff
	}
	if !k.rcu.rests {
		r |= awake
	}
	return r
}

// isIn says whether the code of k is where the updaters of f wait for it.
func (k *K) isIn(f flavour) bool { return k.regions()&k.m.RCU.regions(f) != 0 }

// enters says whether the next step makes k a reader of f without saying so.
func (k *K) enters(f flavour) bool {
	m := k.m
	return m.rcu.watch[f] && k.rcu.inside[f] == 0 && m.RCU.same(f) == f && k.isIn(f)
}

// enterSections makes k a reader of what it has become one of, as part of the
// step being taken.
func (k *K) enterSections() {
	if !k.m.rcu.watched || k.setup {
		return
	}
	for f := range flavours {
		if k.enters(f) {
			k.rcu.inside[f] = k.comeIn(&k.m.ownFlavour(f).readers) + 1
		}
	}
}

// pendingSections are the uses that enterSections adds to the pending step.
func (k *K) pendingSections(uses []Access) []Access {
	if !k.m.rcu.watched {
		return uses
	}
	for f := range flavours {
		if o := &k.m.rcu.crowds[f].readers.o; k.enters(f) && !(k.pending.obj == o && k.pending.mode == Add) {
			uses = append(uses, Access{Obj: o.id, Mode: Add})
		}
	}
	return uses
}

// leaveSections ends what k is no longer a reader of, as part of the step being
// taken. Whoever switches preemption, softirqs or interrupts on has to call it.
func (k *K) leaveSections() {
	if !k.m.rcu.watched || k.setup || k.m.aborting {
		return
	}
	for f := range flavours {
		if since := k.rcu.inside[f]; since != 0 && !k.isIn(f) {
			k.rcu.inside[f] = 0
			k.goOut(&k.m.ownFlavour(f).readers, since-1)
		}
	}
}

// beginSection takes a step if one is needed to become a reader of something.
func (k *K) beginSection(op Op) {
	if !k.m.rcu.watched || k.setup {
		return
	}
	for f := range flavours {
		// That code runs is no news.
		if f != flavourTasks && k.enters(f) {
			k.Step(op, nil, Read)
			return
		}
	}
}

// endSection takes a step if k is no longer a reader of something.
func (k *K) endSection(op Op) {
	if !k.m.rcu.watched || k.setup {
		return
	}
	for f := range flavours {
		if k.rcu.inside[f] != 0 && !k.isIn(f) {
			k.Step(op, &k.m.ownFlavour(f).readers.o, Add)
			break
		}
	}
	k.leaveSections()
}

var (
	opIRQEnter     = NewOp("irq_enter()")
	opIRQExit      = NewOp("irq_exit()")
	opSoftirqEnter = NewOp("softirq_handle_begin()")
	opSoftirqExit  = NewOp("softirq_handle_end()")
	opDoExit       = NewOp("do_exit()")
)

// arrive begins a task or an interrupt.
func (k *K) arrive() {
	switch k.ctx {
	case HardIRQ, NMI:
		k.beginSection(opIRQEnter)
	case SoftIRQ:
		k.beginSection(opSoftirqEnter)
	}
}

// depart ends it: nobody waits for it any more.
func (k *K) depart() {
	k.rcu.gone = true
	switch k.ctx {
	case HardIRQ, NMI:
		k.endSection(opIRQExit)
	case SoftIRQ:
		k.endSection(opSoftirqExit)
	default:
		k.endSection(opDoExit)
	}
}

// rest ends the time for which k has run, as a sleep does. It is a step if
// somebody may wait for that.
func (k *K) rest(op Op) {
	k.rcu.rests = true
	k.endSection(op)
	k.rcu.rests = false
}

// fallAsleep is rest as part of the step being taken.
func (k *K) fallAsleep() {
	k.rcu.rests = true
	k.leaveSections()
	k.rcu.rests = false
}

// watch has the machine know the readers of f.
func (k *K) watch(f flavour) {
	m := k.m
	f = m.RCU.same(f)
	if k.setup || m.rcu.watch[f] {
		return
	}
	if m.aborting {
		panic(errUnwind)
	}
	m.ownFlavour(f)
	if !m.rcu.watch[f] {
		m.rcu.watch[f], m.rcu.watched = true, true
		m.learn(func(facts *facts) { facts.steps |= stepsOf(f) })
	}
}
