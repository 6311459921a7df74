package sim

// The barriers are no steps: in the model of the machine, sequential
// consistency, there is nothing left for them to order. They are remarks in a
// recorded execution, so that a trace shows where the code has them.

// SmpMb is smp_mb(), a full barrier.
func (k *K) SmpMb() { k.barrier("smp_mb") }

// SmpRmb is smp_rmb(): reads before it come before reads after it.
func (k *K) SmpRmb() { k.barrier("smp_rmb") }

// SmpWmb is smp_wmb(): writes before it come before writes after it.
func (k *K) SmpWmb() { k.barrier("smp_wmb") }

// SmpMbBeforeAtomic is smp_mb__before_atomic(): it makes the atomic operation
// after it, which gives no order of its own, a full barrier for what is before.
func (k *K) SmpMbBeforeAtomic() { k.barrier("smp_mb__before_atomic") }

// SmpMbAfterAtomic is smp_mb__after_atomic(): it makes the atomic operation
// before it a full barrier for what comes after.
func (k *K) SmpMbAfterAtomic() { k.barrier("smp_mb__after_atomic") }

// Barrier is barrier(), which holds back the compiler only.
func (k *K) Barrier() { k.barrier("barrier") }

func (k *K) barrier(name string) {
	if k.Tracing() {
		k.Event(name, "()")
	}
}
