package sim

// CPURelax is cpu_relax(), which belongs into a loop that waits for others. It is no
// step: that a loop waits is seen by what it does (spin.go, retry.go). It is a remark
// in a recorded execution.
func (k *K) CPURelax() { k.remark("cpu_relax") }

// CondResched is cond_resched(), for a loop of code that may sleep: it fails where
// that is forbidden. Any task may run before any step in any case, so that it is no
// step, and it ends no grace period.
func (k *K) CondResched() {
	k.MightSleep("cond_resched()")
	k.remark("cond_resched")
}
