package sim

// An IPI runs a function on other CPUs, as kernel/smp.c does: as an interrupt
// there, which comes when the CPU has interrupts on. The calls that wait for a
// CPU lie in its queue, and the first to be put there sends the interrupt; it
// serves all that it finds, those first that somebody waits for. What the sender
// did comes before the function, and the function before what a sender that
// waits does next.

// callQueue are the calls that a CPU has not begun to serve.
type callQueue struct {
	o       Object
	waiting []*call
}

// call is one call_single_data: a function to be called on one CPU.
type call struct {
	o    Object // what somebody waits for
	f    func(k *K)
	wait bool
}

// served is the way past a call that has been served.
const served Wait = 1

// IPIUnsafe is the rule that smp_call_function() and its relatives are called by
// a task with interrupts on, or two CPUs that do it could wait for each other.
var IPIUnsafe = Kind{"ipi-unsafe", "WARNING: IPI from a context that must not wait"}

var (
	opIPI        = NewOp("arch_send_call_function_single_ipi(%s)")
	opFlushCalls = NewOp("flush_smp_call_function_queue(%s)")
	opCSDUnlock  = NewOp("csd_unlock(%s)")
	opCSDWait    = NewOp("csd_lock_wait(%s)")
)

// SmpCallFunctionSingle is smp_call_function_single(): it calls f on a CPU, with
// interrupts off, and spins until it has returned if wait is set.
func (k *K) SmpCallFunctionSingle(cpu int, f func(k *K), wait bool) {
	k.PreemptDisable()
	k.callOn([]int{cpu}, f, wait, true)
	k.PreemptEnable()
}

// SmpCallFunction is smp_call_function(): it calls f on every CPU but the
// caller's.
func (k *K) SmpCallFunction(f func(k *K), wait bool) {
	k.PreemptDisable()
	k.callOn(k.allCPUs(), f, wait, false)
	k.PreemptEnable()
}

// SmpCallFunctionMany is smp_call_function_many(): it calls f on those of the
// CPUs that are not the caller's. Preemption must be off.
func (k *K) SmpCallFunctionMany(cpus []int, f func(k *K), wait bool) {
	if !k.setup && !k.m.aborting && k.preemptible() {
		k.failIPI("preemption is on in smp_call_function_many()")
	}
	k.callOn(cpus, f, wait, false)
}

// OnEachCPU is on_each_cpu(): it calls f on every CPU, the caller's included.
func (k *K) OnEachCPU(f func(k *K), wait bool) {
	k.PreemptDisable()
	k.callOn(k.allCPUs(), f, wait, true)
	k.PreemptEnable()
}

// allCPUs are the numbers of the CPUs.
func (k *K) allCPUs() []int {
	if k.setup {
		return []int{k.cpu()}
	}
	k.mustShare()
	all := make([]int, k.onlineCPUs())
	for i := range all {
		all[i] = i
	}
	return all
}

// callOn calls f on the CPUs, on the caller's own only if self is set.
func (k *K) callOn(cpus []int, f func(k *K), wait, self bool) {
	if k.setup {
		f(k)
		return
	}
	k.mustShare()
	switch {
	case k.m.aborting:
	case k.ctx != Task || k.traps > 0:
		k.failIPI("sent by the handler of an interrupt")
	case k.irqOff > 0:
		k.failIPI("sent with interrupts off")
	}
	var calls []*call
	here := false
	for _, n := range cpus {
		c := k.m.cpus.at(n)
		switch {
		case c == nil:
			panic("sim: an IPI to a CPU that is not there")
		case c == k.c && !c.many:
			here = true
		default:
			calls = append(calls, k.send(c, f, wait))
		}
	}
	if here && self {
		flags := k.LocalIRQSave()
		f(k)
		k.LocalIRQRestore(flags)
	}
	if !wait {
		return
	}
	for _, call := range calls {
		k.StepWait(opCSDWait, &call.o, Read, served)
	}
}

// send puts a call into the queue of a CPU.
func (k *K) send(c *cpu, f func(k *K), wait bool) *call {
	call := &call{f: f, wait: wait}
	call.o.init(k, c.o.name)
	k.Step(opIPI, &c.calls.o, Write)
	c.calls.waiting = append(c.calls.waiting, call)
	if len(c.calls.waiting) == 1 {
		k.m.spawnOn(k, "ipi", false, HardIRQ, c, func(k *K) { k.serveCalls(c) })
	}
	return call
}

// serveCalls is what the interrupt does.
func (k *K) serveCalls(c *cpu) {
	k.Step(opFlushCalls, &c.calls.o, Write)
	calls := c.calls.waiting
	c.calls.waiting = nil
	for _, call := range calls {
		if call.wait {
			call.f(k)
			k.Step(opCSDUnlock, &call.o, Write)
			call.o.Allow(served)
		}
	}
	for _, call := range calls {
		if !call.wait {
			call.f(k)
		}
	}
}

func (k *K) failIPI(why string) {
	k.Fail(&Violation{Kind: IPIUnsafe, Subject: why, write: func(r *splat) { r.warn("kernel/smp.c") }})
}

// warn is the report of a WARN_ON() in a file of the kernel.
func (r *splat) warn(file string) {
	r.line("------------[ cut here ]------------")
	r.line("%s", r.v.Subject)
	r.line("WARNING: CPU: %d PID: %d at %s %s", r.k.cpu(), r.k.pid(), file, top(r.stack))
	r.trace(r.k, r.stack)
	r.line("---[ end trace 0000000000000000 ]---")
}
