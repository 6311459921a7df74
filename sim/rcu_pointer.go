package sim

import (
	"trapline/sim/graph"
	"trapline/sim/memory"
)

// RCUPointer is a pointer marked __rcu: updaters publish through it what it points
// to, and readers load it. Every access is a step. Like the kernel's with
// CONFIG_PROVE_RCU, each form of load checks that its caller may use it.
type RCUPointer[T any] struct {
	o    Object
	v    *T
	hist history[*T]
}

var (
	opRCUAssign      = newStoreOp("rcu_assign_pointer(%s)")
	opRCUDereference = NewOp("rcu_dereference(%s)")
	opRCUDerefBH     = NewOp("rcu_dereference_bh(%s)")
	opRCUDerefSched  = NewOp("rcu_dereference_sched(%s)")
	opSRCUDeref      = NewOp("srcu_dereference(%s)")
	opRCUDerefCheck  = NewOp("rcu_dereference_check(%s)")
	opRCUDerefProt   = NewOp("rcu_dereference_protected(%s)")
	opRCUDerefRaw    = NewOp("rcu_dereference_raw(%s)")
	opRCUAccess      = NewOp("rcu_access_pointer(%s)")
)

// Init names the pointer and sets its first value. It is not a step.
func (p *RCUPointer[T]) Init(k *K, name string, v *T) {
	p.o.init(k, name)
	p.v = v
	p.hist.begin(v)
}

// In places the pointer inside an allocation.
func (p *RCUPointer[T]) In(life *Life) { p.o.In(life) }

// Assign is rcu_assign_pointer(): whoever loads v sees all that was done before.
func (p *RCUPointer[T]) Assign(k *K, v *T) {
	if k.m.weak != nil && !k.setup {
		p.v = p.hist.enter(k, &p.o, k.weakStore(opRCUAssign, &p.o, memory.Release), v)
	} else {
		k.Step(opRCUAssign, &p.o, Write)
		p.v = v
		p.hist.begin(v)
	}
	k.m.Fold(uint64(flag(v == nil)))
	if k.Tracing() {
		k.Note("<- %s", pointerTo(v == nil))
	}
}

// Replace is rcu_replace_pointer(): it assigns v and returns what was there. The
// condition is that of DereferenceProtected.
func (p *RCUPointer[T]) Replace(k *K, v *T, condition bool) *T {
	old := p.DereferenceProtected(k, condition)
	p.Assign(k, v)
	return old
}

// Dereference is rcu_dereference(), for readers under RCUReadLock.
func (p *RCUPointer[T]) Dereference(k *K) *T {
	return p.check(k, opRCUDereference, k.RCUReadLockHeld(), "suspicious rcu_dereference_check() usage")
}

// DereferenceBH is rcu_dereference_bh(), for readers with softirqs off.
func (p *RCUPointer[T]) DereferenceBH(k *K) *T {
	return p.check(k, opRCUDerefBH, k.RCUReadLockBHHeld(), "suspicious rcu_dereference_bh_check() usage")
}

// DereferenceSched is rcu_dereference_sched(), for readers with preemption off.
func (p *RCUPointer[T]) DereferenceSched(k *K) *T {
	return p.check(k, opRCUDerefSched, k.RCUReadLockSchedHeld(), "suspicious rcu_dereference_sched_check() usage")
}

// DereferenceSRCU is srcu_dereference(), for readers of the domain.
func (p *RCUPointer[T]) DereferenceSRCU(k *K, s *SRCU) *T {
	return p.check(k, opSRCUDeref, k.SRCUReadLockHeld(s), "suspicious srcu_dereference_check() usage")
}

// DereferenceCheck is rcu_dereference_check(), for readers under RCUReadLock and
// where the condition holds: usually that the caller holds the updaters' lock, see
// [K.LockdepIsHeld].
func (p *RCUPointer[T]) DereferenceCheck(k *K, condition bool) *T {
	return p.check(k, opRCUDerefCheck, condition || k.RCUReadLockHeld(), "suspicious rcu_dereference_check() usage")
}

// DereferenceProtected is rcu_dereference_protected(), for updaters only, whom the
// condition keeps apart.
func (p *RCUPointer[T]) DereferenceProtected(k *K, condition bool) *T {
	return p.check(k, opRCUDerefProt, condition, "suspicious rcu_dereference_protected() usage")
}

// DereferenceRaw is rcu_dereference_raw(), which checks nothing.
func (p *RCUPointer[T]) DereferenceRaw(k *K) *T { return p.load(k, opRCUDerefRaw) }

// Access is rcu_access_pointer(): for the value of the pointer only, anywhere.
func (p *RCUPointer[T]) Access(k *K) *T { return p.load(k, opRCUAccess) }

// Peek is the value of the pointer, for checks when everything is quiet: it is not
// an access.
func (p *RCUPointer[T]) Peek() *T { return p.v }

func (p *RCUPointer[T]) check(k *K, op Op, ok bool, what string) *T {
	if !ok && !k.setup && !k.m.aborting {
		k.suspicious(what)
	}
	return p.load(k, op)
}

func (p *RCUPointer[T]) load(k *K, op Op) *T {
	var v *T
	if k.m.weak != nil {
		v = p.hist.value(k.weakLoad(op, &p.o, graph.Use{Access: memory.Once, Pointer: true}, nil))
	} else {
		k.StepWait(op, &p.o, Read, k.around(&p.o))
		k.looked(&p.o, Read, uint64(flag(p.v == nil)))
		v = p.v
	}
	k.m.Fold(uint64(flag(v == nil)))
	if k.Tracing() {
		k.Note("= %s", pointerTo(v == nil))
	}
	return v
}

// pointerTo shows a pointer: which object it is is not in it.
func pointerTo(null bool) string {
	if null {
		return "NULL"
	}
	return "..."
}
