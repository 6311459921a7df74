package sim

// SRCU is struct srcu_struct: a domain of its own for readers that may sleep, and
// for those who wait for them.
type SRCU struct {
	readers   crowd
	callbacks callbacks
	percpu    Life  // what init_srcu_struct allocates
	floating  []int // the indices of readers that belong to no task
}

// srcuReader is a task inside a domain.
type srcuReader struct {
	s   *SRCU
	idx int
}

var (
	opSRCUReadLock             = NewOp("srcu_read_lock(&%s)")
	opSRCUReadUnlock           = NewOp("srcu_read_unlock(&%s)")
	opSRCUDownRead             = NewOp("srcu_down_read(&%s)")
	opSRCUUpRead               = NewOp("srcu_up_read(&%s)")
	opSynchronizeSRCU          = NewOp("synchronize_srcu(&%s)")
	opSynchronizeSRCUExpedited = NewOp("synchronize_srcu_expedited(&%s)")
	opCallSRCU                 = NewOp("call_srcu(&%s)")
	opSRCUBarrier              = NewOp("srcu_barrier(&%s)")
	opCleanupSRCUStruct        = NewOp("cleanup_srcu_struct(&%s)")
)

// In places the domain inside an allocation.
func (s *SRCU) In(life *Life) {
	s.readers.o.In(life)
	s.callbacks.o.In(life)
}

// InitSRCUStruct is init_srcu_struct(). What it allocates leaks unless
// CleanupSRCUStruct is called, but for a domain that the setup makes. Both might sleep.
func (k *K) InitSRCUStruct(s *SRCU, name string) {
	k.MightSleep(name)
	*s = SRCU{}
	s.readers.o.init(k, name)
	s.readers.readers = true
	k.orderedBy(&s.readers.o, byAxiom)
	s.callbacks.o.init(k, name)
	k.Born(&s.percpu, name)
}

// CleanupSRCUStruct is cleanup_srcu_struct(): nobody may use the domain any more,
// be inside, or have a callback to come.
func (k *K) CleanupSRCUStruct(s *SRCU) {
	k.MightSleep(s.readers.o.name)
	k.srcuStep(opCleanupSRCUStruct, s, Write)
	k.Touch(&s.callbacks.o, Write)
	if s.readers.inside > 0 || s.callbacks.inside > 0 {
		k.Fail(&Violation{Kind: SRCUBusy, Subject: s.readers.o.name})
	}
	k.Release(&s.percpu)
}

// SRCUReadLock is srcu_read_lock(): until SRCUReadUnlock gets the index that it
// returns the task is a reader of the domain, who may sleep. It may be so more
// than once.
func (k *K) SRCUReadLock(s *SRCU) (idx int) {
	idx = k.srcuEnter(opSRCUReadLock, s)
	k.rcu.srcu = append(k.rcu.srcu, srcuReader{s, idx})
	k.acquired(&s.readers.o, true)
	return idx
}

// SRCUReadUnlock is srcu_read_unlock().
func (k *K) SRCUReadUnlock(s *SRCU, idx int) {
	k.srcuStep(opSRCUReadUnlock, s, Add)
	k.releasing(&s.readers.o, true)
	for i, r := range k.rcu.srcu {
		if r.s == s && r.idx == idx {
			k.rcu.srcu = append(k.rcu.srcu[:i], k.rcu.srcu[i+1:]...)
			k.goOut(&s.readers, idx)
			return
		}
	}
	k.Fail(&Violation{Kind: SRCUIndex, Subject: s.readers.o.name})
}

// SRCUDownRead is srcu_down_read(), which older kernels had as __srcu_read_lock():
// like SRCUReadLock, but the reader is not the task: anyone may call SRCUUpRead with
// the index, in any context.
func (k *K) SRCUDownRead(s *SRCU) (idx int) {
	idx = k.srcuEnter(opSRCUDownRead, s)
	s.floating = append(s.floating, idx)
	return idx
}

// SRCUUpRead is srcu_up_read().
func (k *K) SRCUUpRead(s *SRCU, idx int) {
	k.srcuStep(opSRCUUpRead, s, Add)
	for i, r := range s.floating {
		if r == idx {
			s.floating = append(s.floating[:i], s.floating[i+1:]...)
			k.goOut(&s.readers, idx)
			return
		}
	}
	k.Fail(&Violation{Kind: SRCUIndex, Subject: s.readers.o.name})
}

// SynchronizeSRCU is synchronize_srcu(): it sleeps until all have left the domain
// who are inside when it begins.
func (k *K) SynchronizeSRCU(s *SRCU) { k.synchronizeSRCU(opSynchronizeSRCU, s) }

// SynchronizeSRCUExpedited is synchronize_srcu_expedited(): the same, in a hurry.
func (k *K) SynchronizeSRCUExpedited(s *SRCU) { k.synchronizeSRCU(opSynchronizeSRCUExpedited, s) }

func (k *K) synchronizeSRCU(op Op, s *SRCU) {
	k.checkSynchronizeSRCU(s)
	k.MightSleep(s.readers.o.name)
	k.srcuStep(op, s, Read)
	k.waitFor(op, &s.readers)
}

// CallSRCU is call_srcu(): f is called in a thread, where it may sleep, when all
// have left the domain who were inside when a grace period began, which is some time
// after the call.
func (k *K) CallSRCU(s *SRCU, h *RCUHead, f func(k *K)) {
	k.callBack(opCallSRCU, updates{flavours, &s.readers, &s.callbacks, Task}, h, f)
}

// SRCUBarrier is srcu_barrier(): it sleeps until the callbacks of the domain have
// been called that were queued before.
func (k *K) SRCUBarrier(s *SRCU) { k.callbackBarrier(opSRCUBarrier, &s.callbacks) }

// srcuStep is a step in a domain that has not been cleaned up.
func (k *K) srcuStep(op Op, s *SRCU, mode Mode) {
	k.Step(op, &s.readers.o, mode)
	s.percpu.MustBeAlive(k, s.readers.o.name, mode)
}

// srcuEnter makes somebody a reader. The index says how many grace periods had
// begun before; the kernel's is its lowest bit.
func (k *K) srcuEnter(op Op, s *SRCU) (idx int) {
	k.srcuStep(op, s, Add)
	idx = k.comeIn(&s.readers)
	k.m.Fold(uint64(idx))
	if k.Tracing() {
		k.Note("= %d", idx)
	}
	return idx
}
