package sim

import "strconv"

// stop_machine() has every CPU run a thread that takes precedence over all tasks
// (kernel/stop_machine.c). When all have come to where they may be preempted, they
// switch interrupts off; when all have, the function runs on the first CPU, while
// the others spin. Only a non-maskable interrupt can still come.

// machineStop is one call of stop_machine().
type machineStop struct {
	f        func(k *K)
	arrived  []Object // by CPU: its thread runs
	off      []Object // by CPU: it has interrupts off
	prepared Object   // all threads run
	finished Object   // the function has returned
	left     []Object // by CPU: its thread has ended
}

// passed is the way past a state that has been reached.
const passed Wait = 1

var (
	opQueueStop    = NewOp("queue_stop_cpus_work()")
	opStopPrepare  = NewOp("preempt_disable()")
	opAckState     = NewOp("ack_state(%s)")
	opSetStopState = NewOp("set_state(%s)")
	opAwaitState   = NewOp("multi_cpu_stop(%s)")
)

// StopMachine is stop_machine(): it runs f while no other code runs on any CPU,
// other than the handlers of non-maskable interrupts. It sleeps until that is
// done.
func (k *K) StopMachine(f func(k *K)) {
	k.MightSleep("stop_machine")
	if k.setup {
		f(k)
		return
	}
	k.mustShare()
	m := k.m
	k.MutexLock(&m.cpus.stopCPUs)
	n := m.number(&m.cpus.rest) + 1 // also if there is nothing yet on the rest: something may come
	s := &machineStop{f: f, arrived: make([]Object, n), off: make([]Object, n), left: make([]Object, n)}
	for i := range n {
		s.arrived[i].init(k, "MULTI_STOP_PREPARE")
		s.off[i].init(k, "MULTI_STOP_DISABLE_IRQ")
		s.left[i].init(k, "stop_machine")
	}
	s.prepared.init(k, "MULTI_STOP_DISABLE_IRQ")
	s.finished.init(k, "MULTI_STOP_EXIT")
	k.Step(opQueueStop, &s.prepared, Write)
	for i := range n {
		m.spawnOn(k, "migration/"+strconv.Itoa(i), false, Task, m.cpus.at(i), func(k *K) { k.stopCPU(s, i) })
	}
	for i := range n {
		k.StepWait(opWaitForCompletion, &s.left[i], Read, passed)
	}
	k.MutexUnlock(&m.cpus.stopCPUs)
}

// stopCPU is what the thread of CPU i does.
func (k *K) stopCPU(s *machineStop, i int) {
	k.prepareStop()
	k.reach(opAckState, &s.arrived[i])
	if i == 0 {
		k.awaitAll(s.arrived)
		k.reach(opSetStopState, &s.prepared)
	}
	k.StepWait(opAwaitState, &s.prepared, Read, passed)
	k.LocalIRQDisable()
	k.reach(opAckState, &s.off[i])
	if i == 0 {
		k.awaitAll(s.off)
		s.f(k)
		k.reach(opSetStopState, &s.finished)
	}
	k.StepWait(opAwaitState, &s.finished, Read, passed)
	k.mask(opIRQEnable, 0, 0, 0)
	k.guest = false
	k.reach(opComplete, &s.left[i])
}

// prepareStop takes the CPU when its task may be preempted.
func (k *K) prepareStop() {
	if !k.guest {
		k.PreemptDisable()
		return
	}
	c := k.c
	k.StepWait(opStopPrepare, &c.o, Write, enterSoft)
	k.preempt++ // not by mask: it stops all that runs on the rest
	c.on[Task] = k
	c.update()
}

func (k *K) reach(op Op, o *Object) {
	k.Step(op, o, Write)
	o.Allow(passed)
}

func (k *K) awaitAll(all []Object) {
	for i := range all {
		k.StepWait(opAwaitState, &all[i], Read, passed)
	}
}
