package uprobes

import (
	"slices"

	"trapline/sim"
	"trapline/vm"
)

// returnInstance is struct return_instance: a call that is to end in the trampoline. Its
// state says what it has of its uprobe; see hprobe.
type returnInstance struct {
	sim.Life
	hprobe  hprobe
	addr    uint64   // where the function returns to
	session []*Probe // the sessions that it belongs to
	rcu     sim.RCUHead
}

// hprobe is struct hprobe: the hold that a call has on its uprobe. It begins as a lease,
// for which the task is a reader of uretprobes_srcu, on its way through user space. A
// timer makes a reference of it after a while, if there is one to be had. Whoever changes
// the state has to give back what belonged to the old one.
type hprobe struct {
	state  sim.AtomicInt
	uprobe *tracedUprobe
	idx    int // of the lease
}

// The states of a hold.
const (
	hprobeLeased int32 = iota
	hprobeStable
	hprobeGone
	hprobeConsumed
)

var (
	opRIPush = sim.NewOp("rcu_assign_pointer(%s)")
	opRIWalk = sim.NewOp("for_each_ret_instance_rcu(%s)")
)

var _ = sim.Plumbing("get_utask", "alloc_utask", "push_instance", "release_utask", "free_ret_instance")

// returns are what is special in a design about return probes.
type returns struct {
	srcu sim.SRCU // uretprobes_srcu
	// forgets has fork leave the return instances of the parent behind.
	forgets bool
	// unchecked goes on with the copy of a return instance that there was no memory for.
	unchecked bool
	// freesFirst frees utask before current->utask is cleared.
	freesFirst bool
	// anywhere takes the system call for one of a trampoline where there is none.
	anywhere bool
}

// SetCurrent implements [Threader].
func (d *today) SetCurrent(k *sim.K, t *Thread) {
	for int(k.ID()) >= len(d.currents) {
		d.currents = append(d.currents, nil)
	}
	d.currents[k.ID()] = t
}

// current is the thread that k is.
func (d *today) current(k *sim.K) *Thread {
	if int(k.ID()) < len(d.currents) {
		return d.currents[k.ID()]
	}
	return nil
}

// getUtask is get_utask(), nil if there is no memory.
func (d *today) getUtask(k *sim.K, t *Thread) *uprobeTask {
	if utask := t.utask.Read(k); utask != nil {
		return utask
	}
	utask := d.allocUtask(k)
	t.utask.Write(k, utask)
	return utask
}

// allocUtask is alloc_utask().
func (d *today) allocUtask(k *sim.K) *uprobeTask {
	utask := &uprobeTask{}
	if k.Kzalloc(&utask.Life, "utask", sim.GFPKernel) != nil {
		return nil
	}
	utask.list.Init(k, "utask->return_instances")
	utask.list.In(&utask.Life)
	k.SeqcountInit(&utask.riSeq, "utask->ri_seqcount")
	utask.riSeq.In(&utask.Life)
	k.TimerSetup(&utask.riTimer, "ri_timer", func(k *sim.K) { d.riTimer(k, utask) })
	utask.riTimer.In(&utask.Life)
	return utask
}

// prepareUretprobe is prepare_uretprobe(): the function that is being entered will return
// to the trampoline.
func (d *today) prepareUretprobe(k *sim.K, t *Thread, u *tracedUprobe, mm *vm.MM, session []*Probe) {
	utask := d.getUtask(k, t)
	if utask == nil || d.getXolArea(k, mm) == nil {
		return
	}
	ri := d.allocReturnInstance(k)
	if ri == nil {
		return
	}
	ri.addr, ri.session = *t.top(), session
	// arch_uretprobe_hijack_return_addr()
	*t.top() = d.trampolineVaddr(k, mm)
	// hprobe_init_leased()
	ri.hprobe.uprobe, ri.hprobe.idx = u, k.SRCUDownRead(&d.returns.srcu)
	d.pushInstance(k, utask, ri)
	if !t.Hurried && !k.TimerPending(&utask.riTimer) {
		k.ModTimer(&utask.riTimer)
	}
}

// allocReturnInstance is alloc_return_instance().
func (d *today) allocReturnInstance(k *sim.K) *returnInstance {
	ri := &returnInstance{}
	if k.Kzalloc(&ri.Life, "return_instance", sim.GFPKernel) != nil {
		return nil
	}
	ri.hprobe.state.Init(k, "hprobe->state", hprobeLeased)
	ri.hprobe.state.In(&ri.Life)
	ri.rcu.Init(k, "ri->rcu")
	return ri
}

func (d *today) pushInstance(k *sim.K, utask *uprobeTask, ri *returnInstance) {
	k.Step(opRIPush, &utask.list, sim.Write)
	utask.instances = append(utask.instances, ri)
}

// riTimer is ri_timer(): calls that take long give their leases back. It may meet the
// task at the end of the call, so it walks over the calls as a reader, and says with a
// seqcount that it is about it. Nobody tries again because of that, so it does not matter
// whether the writer can be preempted.
func (d *today) riTimer(k *sim.K, utask *uprobeTask) {
	idx := k.SRCUReadLock(&d.returns.srcu)
	k.RCUReadLock()
	k.RawWriteSeqcountBegin(&utask.riSeq)
	k.Step(opRIWalk, &utask.list, sim.Read)
	for _, ri := range slices.Backward(slices.Clone(utask.instances)) {
		d.hprobeExpire(k, &ri.hprobe, false)
	}
	k.RawWriteSeqcountEnd(&utask.riSeq)
	k.RCUReadUnlock()
	k.SRCUReadUnlock(&d.returns.srcu, idx)
}

// hprobeExpire is hprobe_expire(): it makes a reference of a lease. With get the caller
// wants one of its own, and gets the uprobe, or nil if that is gone.
func (d *today) hprobeExpire(k *sim.K, h *hprobe, get bool) *tracedUprobe {
	switch h.state.Read(k) {
	case hprobeStable:
		if get && d.tryGet(k, h.uprobe) {
			return h.uprobe
		}
		return nil
	case hprobeLeased:
	default:
		return nil
	}
	u, to := h.uprobe, hprobeStable
	if !d.tryGet(k, u) {
		u, to = nil, hprobeGone
	}
	switch h.state.Cmpxchg(k, hprobeLeased, to) {
	case hprobeLeased:
		k.SRCUUpRead(&d.returns.srcu, h.idx)
		if u != nil && get && d.tryGet(k, u) {
			return u
		}
		return nil
	default: // the task was faster: the reference is not for the call
		if u == nil || get {
			return u
		}
		d.putUprobe(k, u)
		return nil
	}
}

// hprobeConsume is hprobe_consume(): the call is over. It returns the uprobe, nil if
// that is gone, and the state, for hprobeFinalize.
func (h *hprobe) hprobeConsume(k *sim.K) (u *tracedUprobe, was int32) {
	if was = h.state.Xchg(k, hprobeConsumed); was == hprobeLeased || was == hprobeStable {
		return h.uprobe, was
	}
	return nil, was
}

// hprobeFinalize is hprobe_finalize().
func (d *today) hprobeFinalize(k *sim.K, h *hprobe, was int32) {
	switch was {
	case hprobeLeased:
		k.SRCUUpRead(&d.returns.srcu, h.idx)
	case hprobeStable:
		d.putUprobe(k, h.uprobe)
	}
}

// handleTrampoline is uprobe_handle_trampoline(): a function has returned to the
// trampoline.
func (d *today) handleTrampoline(k *sim.K, t *Thread) (Trap, []byte) {
	utask := t.utask.Read(k)
	if utask == nil || len(utask.instances) == 0 {
		return Illegal, nil
	}
	ri := utask.instances[len(utask.instances)-1]
	t.IP = ri.addr
	u, was := ri.hprobe.hprobeConsume(k)
	if u != nil {
		d.handleUretprobeChain(k, u, ri)
	}
	d.hprobeFinalize(k, &ri.hprobe, was)
	d.freeRetInstance(k, utask, ri)
	return Moved, nil
}

// handleUretprobeChain is handle_uretprobe_chain().
func (d *today) handleUretprobeChain(k *sim.K, u *tracedUprobe, ri *returnInstance) {
	k.RCUReadLockTrace()
	defer k.RCUReadUnlockTrace()
	k.Step(opConsWalk, &u.list, sim.Read)
	for _, p := range u.consumers {
		if p.Return == nil || p.Session && !slices.Contains(ri.session, p) {
			continue
		}
		p.Return(k)
	}
}

// freeRetInstance is free_ret_instance(): the newest call is over. If the timer is not
// looking at the calls, nobody is, since this one is none of them any more.
func (d *today) freeRetInstance(k *sim.K, utask *uprobeTask, ri *returnInstance) {
	k.Step(opRIPush, &utask.list, sim.Write)
	utask.instances = slices.Clone(utask.instances[:len(utask.instances)-1])
	if seq := k.RawSeqcountBegin(&utask.riSeq); !k.ReadSeqcountRetry(&utask.riSeq, seq) {
		k.Kfree(&ri.Life)
		return
	}
	k.KfreeRCU(&ri.rcu, &ri.Life)
}

// FreeUtask is uprobe_free_utask().
func (d *today) FreeUtask(k *sim.K, t *Thread) {
	utask := t.utask.Read(k)
	if utask == nil {
		return
	}
	k.WarnOn(utask.active != nil, "a task ends that steps a copy")
	if d.returns.freesFirst {
		d.releaseUtask(k, utask)
		t.utask.Write(k, nil)
		return
	}
	t.utask.Write(k, nil)
	d.releaseUtask(k, utask)
}

func (d *today) releaseUtask(k *sim.K, utask *uprobeTask) {
	k.TimerDeleteSync(&utask.riTimer)
	for len(utask.instances) > 0 {
		ri := utask.instances[len(utask.instances)-1]
		_, was := ri.hprobe.hprobeConsume(k)
		d.hprobeFinalize(k, &ri.hprobe, was)
		d.freeRetInstance(k, utask, ri)
	}
	k.Kfree(&utask.Life)
}

// IsUprobeAtFuncEntry is is_uprobe_at_func_entry() of the profiler.
func (d *today) IsUprobeAtFuncEntry(k *sim.K, t *Thread) bool {
	utask := t.utask.Read(k)
	if utask == nil {
		return false
	}
	k.Use(opAutask, &utask.Life)
	return utask.active != nil
}

var opAutask = sim.NewOp("READ_ONCE(%s->auprobe)")

// SysUretprobe is the system call uretprobe: a faster trampoline. Whoever gets past the
// first tests has its registers replaced by what is on its stack.
func (d *today) SysUretprobe(k *sim.K, t *Thread, ip uint64) bool {
	tramp := d.trampolineVaddr(k, t.mm)
	if tramp == noTrampoline && !d.returns.anywhere {
		return false
	}
	if ip != tramp+uretprobeCheck { // trampoline_check_ip()
		return false
	}
	d.handleTrampoline(k, t)
	return true
}

// uretprobeCheck is how far behind the start of the trampoline its system call ends.
const uretprobeCheck = 13
