package sim

import "strconv"

// cpu is one CPU that several tasks share, or that somebody interrupts. What runs
// on it is ordered by its object: a step that switches preemption, softirqs or
// interrupts off or on, and the arrival and the return of a handler, write it;
// every other step there reads it. So the steps of preemptible tasks mix freely,
// and what must not be mixed is not.
//
// Only the writes synchronise. A handler is ordered after the section that kept it
// out, and not after what it has interrupted.
type cpu struct {
	o     Object
	n     int  // its number, among those of its kind
	own   bool // of one task that is bound to none
	many  bool // see cpus.rest
	on    [NMI + 1]*K
	calls callQueue
	// thread stands for it in an execution graph: the first task that is on it.
	thread TaskID

	// What is under way on rest: pieces of code that must not be preempted, and
	// those of them that have interrupts off.
	sections, irqsOff int
}

// What the object of a CPU allows: the three levels let the code go on that is on
// top there, and so does open for tasks that may be preempted; the others let a
// handler arrive. On the rest, where nobody is on top of another, enterSoft
// lets stop_machine in.
const (
	open Wait = 1 << iota
	atTask
	atSoft
	atHard
	enterSoft
	enterHard
	enterNMI
)

// cpus are the CPUs of a machine: first those that tasks were bound to, and then
// those of the other tasks, one each. What a task without a CPU spawns, such as
// its interrupts, runs on the rest: it has the number behind the last, and each
// piece runs at its own pace, as if on a CPU of its own.
type cpus struct {
	bound   []*cpu
	own     []*cpu // when they are shared
	unbound int
	rest    cpu

	shared   bool   // see Machine.ShareCPUs
	online   Object // says whether there was something on the rest, hasRest
	hasRest  bool
	spare    []*cpu // those of bound, and those that earlier executions needed
	stopCPUs Mutex
}

func (s *cpus) reset() {
	s.bound, s.own, s.unbound = s.bound[:0], s.own[:0], 0
	s.shared, s.hasRest = false, false
}

// begin is called when the world is complete.
func (s *cpus) begin(m *Machine) {
	if !s.shared {
		return
	}
	setup := m.tasks[0]
	s.online.init(setup, "cpu_online_mask")
	s.rest.init(setup, "rest")
	setup.MutexInit(&s.stopCPUs, "stop_cpus_mutex")
	for _, k := range m.live {
		if k.c != nil {
			continue
		}
		k.c = k.newCPU()
		k.c.thread = k.id
		s.own = append(s.own, k.c)
		if k.daemon && k.ctx != Task { // the agent of a timer is on no CPU while it waits
			k.c, s.hasRest = &s.rest, true
		}
	}
}

// newCPU is a CPU for one task.
func (k *K) newCPU() *cpu {
	if k.ownCPU == nil {
		k.ownCPU = &cpu{own: true}
	}
	k.ownCPU.n = k.number
	k.ownCPU.init(k, "cpu of "+k.name)
	return k.ownCPU
}

// onlineCPUs is the number of CPUs, the rest included if there has been something
// on it. It is a step.
func (k *K) onlineCPUs() int {
	s := &k.m.cpus
	k.Step(opOnline, &s.online, Read)
	n := len(s.bound) + s.unbound
	if s.hasRest {
		n++
	}
	k.m.Fold(uint64(n))
	return n
}

var opOnline = NewOp("cpumask_copy(%s)")

// at is the CPU of a number, nil if there is none or it is not shared.
func (s *cpus) at(n int) *cpu {
	switch own := n - len(s.bound); {
	case n < 0:
		return nil
	case own < 0:
		return s.bound[n]
	case own < len(s.own):
		return s.own[own]
	case own == s.unbound && s.shared:
		return &s.rest
	}
	return nil
}

// bind returns the CPU of a number, and makes it and those below it if they are
// not there.
func (s *cpus) bind(setup *K, n int) *cpu {
	if n < 0 || n >= maxCPUs {
		panic("sim: CPUs are numbered from 0 to 63, not " + strconv.Itoa(n))
	}
	for i := len(s.bound); i <= n; i++ {
		if i == len(s.spare) {
			s.spare = append(s.spare, &cpu{n: i})
		}
		c := s.spare[i]
		c.init(setup, cpuNames[i])
		s.bound = append(s.bound, c)
	}
	return s.bound[n]
}

const maxCPUs = 64

var cpuNames = func() (names [maxCPUs]string) {
	for i := range names {
		names[i] = "cpu" + strconv.Itoa(i)
	}
	return names
}()

// place is the CPU of a new task that is bound to none, nil if it is not shared
// or not made yet.
func (s *cpus) place(k, parent *K) *cpu {
	if parent.setup {
		k.number = s.unbound
		s.unbound++
		return nil
	}
	if !s.shared {
		return nil
	}
	parent.Touch(&s.online, Add)
	s.hasRest = true
	return &s.rest
}

func (c *cpu) init(k *K, name string) {
	c.o.init(k, name)
	c.calls.o.init(k, name)
	c.calls.waiting = nil
	c.on, c.thread = [NMI + 1]*K{}, 0
	c.sections, c.irqsOff = 0, 0
	c.update()
}

// update says what is possible on the CPU now.
func (c *cpu) update() {
	owner, soft, hard := c.on[Task], c.on[SoftIRQ], c.on[HardIRQ]
	switch {
	case c.on[NMI] != nil:
		c.o.allow = 0
	case c.many:
		c.o.allow = c.updateRest()
	case hard != nil:
		c.o.allow = atHard | enterNMI
	case soft != nil:
		c.o.allow = atSoft | enterNMI
		if soft.irqOff <= 0 {
			c.o.allow |= enterHard
		}
	case owner != nil:
		c.o.allow = atTask | enterNMI
		if owner.irqOff <= 0 {
			c.o.allow |= enterHard
			if owner.bhOff <= 0 {
				c.o.allow |= enterSoft
			}
		}
	default:
		c.o.allow = open | enterSoft | enterHard | enterNMI
	}
}

func (c *cpu) updateRest() (w Wait) {
	switch stopper := c.on[Task]; {
	case c.on[HardIRQ] != nil:
	case stopper != nil:
		if stopper.irqOff <= 0 {
			w = enterHard
		}
	default:
		w = open | atTask | atSoft | atHard
		if c.irqsOff == 0 {
			w |= enterHard
		}
		if c.sections == 0 {
			w |= enterSoft
		}
	}
	return w
}

// number is the CPU's number.
func (m *Machine) number(c *cpu) int {
	switch s := &m.cpus; {
	case c.many:
		return len(s.bound) + s.unbound
	case c.own:
		return len(s.bound) + c.n
	}
	return c.n
}

// GoOn is [Machine.Go] for a task that is bound to a CPU, as by kthread_bind():
// it shares the CPU with the other tasks that are bound there. CPUs are numbered
// from 0; tasks that are bound to none have the numbers behind them.
func (m *Machine) GoOn(cpu int, name string, f func(k *K)) TaskID {
	setup := m.tasks[0]
	return m.spawnOn(setup, name, false, Task, m.cpus.bind(setup, cpu), f).id
}

// ShareCPUs lets the CPUs of tasks that are bound to none be interrupted too, and
// stopped. The program must call it while it sets up an execution if any of its
// tasks sends an IPI, interrupts such a CPU, or calls StopMachine: then switching
// preemption or interrupts off and on are steps everywhere.
func (m *Machine) ShareCPUs() { m.cpus.shared = true }

// needs says what the CPU must allow for an ordinary step of k, nothing if
// nobody can come in between.
func (k *K) needs() Wait {
	switch {
	case k.guest && k.ctx == Task && k.irqOff <= 0:
		return enterHard
	case k.guest || k.ctx == NMI:
		return 0
	case k.ctx == HardIRQ:
		return atHard
	case k.ctx == SoftIRQ:
		return atSoft
	}
	off := masked(k.preempt, k.bhOff, k.irqOff) > 0
	if !k.c.many && off != (k.c.on[Task] == k) {
		panic("sim: preemption or interrupts of a shared CPU were not switched by K.mask")
	}
	if off {
		return atTask
	}
	return open
}

// masked is the most that is switched off: 1 for preemption, 2 for softirqs and 3
// for interrupts.
func masked(preempt, bh, irq int) int {
	switch {
	case irq > 0:
		return 3
	case bh > 0:
		return 2
	case preempt > 0:
		return 1
	}
	return 0
}

// mask sets the counters of what is switched off. Where that makes a difference
// to others on the CPU it is a step. A lock and its like call it; whoever a grace
// period waits for becomes so with the step of the lock, and no longer is with that
// of the unlock.
func (k *K) mask(op Op, preempt, bh, irq int) {
	comes := irq < k.irqOff || bh < k.bhOff
	k.setMasks(op, preempt, bh, irq)
	if comes {
		k.canCome()
	}
	k.leaveSections()
}

// maskStep is mask for a call that does nothing else: it is a step, too, where it
// begins or ends what a grace period waits for.
func (k *K) maskStep(op Op, preempt, bh, irq int) {
	begins := preempt > k.preempt || bh > k.bhOff || irq > k.irqOff
	comes := irq < k.irqOff || bh < k.bhOff
	k.setMasks(op, preempt, bh, irq)
	if comes {
		k.canCome()
	}
	if begins {
		k.beginSection(op)
	} else {
		k.endSection(op)
	}
}

func (k *K) setMasks(op Op, preempt, bh, irq int) {
	if k.c == nil || k.setup {
		k.preempt, k.bhOff, k.irqOff = preempt, bh, irq
		return
	}
	was, is := masked(k.preempt, k.bhOff, k.irqOff), masked(preempt, bh, irq)
	switch k.ctx {
	case SoftIRQ:
		was, is = was/3, is/3
	case HardIRQ, NMI:
		was = is
	}
	if was == is {
		k.preempt, k.bhOff, k.irqOff = preempt, bh, irq
		return
	}
	c := k.c
	k.StepWait(op, &c.o, Write, k.needs())
	if c.many && !k.guest {
		c.irqsOff += flag(irq > 0) - flag(k.irqOff > 0)
		if k.ctx == Task {
			c.sections += flag(is > 0) - flag(was > 0)
		}
	}
	k.preempt, k.bhOff, k.irqOff = preempt, bh, irq
	switch {
	case c.many && !k.guest:
	case k.ctx == Task && is > 0:
		c.on[Task] = k
	case k.ctx == Task:
		c.on[Task] = nil
	}
	c.update()
}

// enter is the arrival of a handler on its CPU, which waits until it may
// interrupt what runs there. It is a step; where nobody watches the CPU it is
// nothing.
func (k *K) enter() {
	c := k.c
	if c == nil || k.ctx == Task {
		return
	}
	w := open
	if k.guest || !c.many {
		w = [...]Wait{SoftIRQ: enterSoft, HardIRQ: enterHard, NMI: enterNMI}[k.ctx]
	}
	k.StepWait(handlerOps[k.ctx].enter, &c.o, Write, w)
	if c.many && !k.guest {
		c.sections++
		c.irqsOff += flag(k.ctx == HardIRQ)
	} else {
		c.on[k.ctx] = k
	}
	c.update()
}

// leave is the return from a handler to what it has interrupted.
func (k *K) leave() {
	c := k.c
	if c == nil || k.ctx == Task {
		return
	}
	k.StepWait(handlerOps[k.ctx].leave, &c.o, Write, k.needs())
	if c.many && !k.guest {
		c.sections--
		c.irqsOff -= flag(k.ctx == HardIRQ)
	} else {
		c.on[k.ctx] = nil
	}
	c.update()
}

var handlerOps = [...]struct{ enter, leave Op }{
	SoftIRQ: {NewOp("softirq_entry()"), NewOp("softirq_exit()")},
	HardIRQ: {NewOp("irq_enter()"), NewOp("irq_exit()")},
	NMI:     {NewOp("nmi_enter()"), NewOp("nmi_exit()")},
}

// interrupted is the context on the same CPU that a handler has interrupted.
func (k *K) interrupted() *K {
	if k.c == nil || k.c.many {
		return nil
	}
	for ctx := int(k.ctx) - 1; ctx >= 0; ctx-- {
		if below := k.c.on[ctx]; below != nil {
			return below
		}
	}
	return nil
}

// occupant is who has the CPU that the pending step of k has to wait for.
func (k *K) occupant() *K {
	c, p := k.c, &k.pending
	if c == nil || (p.cpu == 0 || c.o.allow&p.cpu != 0) && (p.obj != &c.o || k.ready()) {
		return nil
	}
	for ctx := NMI; ; ctx-- {
		if by := c.on[ctx]; by != nil && by != k {
			return by
		}
		if ctx == Task {
			return nil
		}
	}
}
