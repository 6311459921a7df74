package sim

// UsingCPU is the number of the CPU asked for where the task may be moved to
// another the moment after.
var UsingCPU = Kind{"cpu-in-preemptible", "BUG: using smp_processor_id() in preemptible code"}

// SmpProcessorID is smp_processor_id(): the CPU that the code runs on, from 0.
// It fails if the code can be preempted, as with CONFIG_DEBUG_PREEMPT, unless the task
// is bound to the CPU.
func (k *K) SmpProcessorID() int {
	bound := k.c != nil && !k.c.own && !k.c.many
	if !k.m.aborting && !k.setup && k.preemptible() && !bound {
		k.Fail(&Violation{Kind: UsingCPU, Subject: "smp_processor_id()", write: func(r *splat) {
			r.line("BUG: using smp_processor_id() in preemptible [%08x] code: %s", k.preemptCount(), k.who())
			r.line("caller is %s", top(r.stack))
			r.trace(k, r.stack)
		}})
	}
	return k.cpu()
}

// RawSmpProcessorID is raw_smp_processor_id(): SmpProcessorID for code that does
// not mind if the answer is out of date.
func (k *K) RawSmpProcessorID() int { return k.cpu() }

// GetCPU is get_cpu(): it switches preemption off until PutCPU, and returns the
// CPU.
func (k *K) GetCPU() int {
	k.PreemptDisable()
	return k.SmpProcessorID()
}

// PutCPU is put_cpu().
func (k *K) PutCPU() { k.PreemptEnable() }
