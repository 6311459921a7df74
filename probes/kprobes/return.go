package kprobes

import "trapline/sim"

// ReturnProber is what a design with [Returns] has besides.
type ReturnProber interface {
	Scheme
	// RegisterKretprobe arms a probe on the entry of a function; the handler is called
	// when it returns.
	RegisterKretprobe(k *sim.K, rp *Kretprobe) error
	// UnregisterKretprobe disarms it. Once it has returned no handler runs; functions
	// that have been entered before return as if there had been none.
	UnregisterKretprobe(k *sim.K, rp *Kretprobe)
	// Hijacked is how many functions that the task is in return to the trampoline. It is
	// no step.
	Hijacked(k *sim.K) int
	// TrampolineHandler is called by the trampoline to which such a function returns.
	TrampolineHandler(k *sim.K)
	// KprobeFlushTask is called when a task has ended, on its CPU.
	KprobeFlushTask(k *sim.K)
}

// Kretprobe is struct kretprobe: a probe at the entry of a function, and a handler for
// its return.
type Kretprobe struct {
	Kprobe
	// Handler is called when the function returns, with preemption off.
	Handler func(k *sim.K)

	rh    *rethook
	place sim.Object // orders who reads rh and who sets it

	free, used []*instance // free_instances and used_instances, before there were rethooks
}

// rethook is struct rethook, with its pool of nodes: what outlives the probe, as long
// as there is a function that has not returned.
type rethook struct {
	life    sim.Life
	handler sim.RCUPointer[Kretprobe]
	plain   sim.Cell[*Kretprobe] // the same, for a design that does not mark it
	ref     sim.Refcount         // one for the probe, and one for each node in use
	pool    sim.Object
	free    int
}

// maxactive is how many functions may be under way.
const maxactive = 2

// returns are the return addresses that were replaced, by task, which alone uses its
// own.
type returns struct {
	frames [][]*rethook
	lock   sim.SpinLock              // kretprobe_table_lock, while there was one
	exits  sim.RCUPointer[Kretprobe] // what the ftrace_ops of fprobe lead to
}

var (
	opPop  = sim.NewOp("objpool_pop(%s)")
	opPush = sim.NewOp("objpool_push(%s)")
)

func (r *returns) init(k *sim.K) {
	k.SpinLockInit(&r.lock, "kretprobe_table_lock")
	r.exits.Init(k, "fprobe_ops", nil)
}

func (r *returns) of(k *sim.K) *[]*rethook {
	for int(k.ID()) >= len(r.frames) {
		r.frames = append(r.frames, nil)
	}
	return &r.frames[k.ID()]
}

// rethookAlloc is rethook_alloc().
func rethookAlloc(k *sim.K, rp *Kretprobe) error {
	rh := &rethook{free: maxactive}
	if err := k.Kzalloc(&rh.life, "rethook", sim.GFPKernel); err != nil {
		return err
	}
	rh.handler.Init(k, "rh->handler", rp)
	rh.handler.In(&rh.life)
	rh.plain.Init(k, "rph->rp")
	rh.plain.In(&rh.life)
	rh.plain.Set(k, rp)
	rh.ref.Init(k, "rh->ref", 1)
	rh.ref.In(&rh.life)
	rh.pool.Init(k, "rh->pool")
	rh.pool.In(&rh.life)
	if rp.rh == nil {
		rp.place.Init(k, "rp->rh")
	}
	k.Touch(&rp.place, sim.Write)
	rp.rh = rh
	return nil
}

// hook is rp->rh, read as a part of the step being taken.
func (rp *Kretprobe) hook(k *sim.K) *rethook {
	k.Touch(&rp.place, sim.Read)
	return rp.rh
}

// put drops a reference.
func (rh *rethook) put(k *sim.K) {
	if k.RefcountDecAndTest(&rh.ref) {
		k.Kfree(&rh.life)
	}
}

// rethookTryGet is rethook_try_get(): it takes a node, if the probe is there still and has one
// to spare, and says whether it did. Preemption is off.
func (rh *rethook) rethookTryGet(k *sim.K) bool {
	if rh.handler.DereferenceSched(k) == nil {
		return false
	}
	k.Step(opPop, &rh.pool, sim.Write)
	if rh.free == 0 {
		return false
	}
	rh.free--
	k.RefcountInc(&rh.ref)
	return true
}

// RegisterKretprobe is register_kretprobe(). What is registered has calls under way.
// (Since 5.12 it says so with a WARNING, which is left out here.)
func (d *today) RegisterKretprobe(k *sim.K, rp *Kretprobe) error {
	if d.isRegistered(k, &rp.Kprobe) { // warn_kprobe_rereg()
		return sim.EINVAL
	}
	if err := rethookAlloc(k, rp); err != nil {
		return err
	}
	rp.PreHandler = func(k *sim.K) { d.former.preHandlerKretprobe(k, rp) }
	err := d.RegisterKprobe(k, &rp.Kprobe)
	if err != nil {
		rp.hook(k).put(k)
	}
	return err
}

// isRegistered is __get_valid_kprobe() for a probe that is about to be registered, in
// warn_kprobe_rereg().
func (d *today) isRegistered(k *sim.K, p *Kprobe) bool {
	k.MutexLock(&d.kprobeMutex)
	defer k.MutexUnlock(&d.kprobeMutex)
	return d.table.valid(k, p) != nil
}

// UnregisterKretprobe is unregister_kretprobes() for one probe. rethook_free() puts the
// pool from a callback of RCU: the grace period here stands for that one as well.
func (d *today) UnregisterKretprobe(k *sim.K, rp *Kretprobe) {
	k.MutexLock(&d.kprobeMutex)
	l, ok := d.unregisterTop(k, &rp.Kprobe)
	d.former.stopReturns(k, rp.hook(k)) // rethook_free()
	k.MutexUnlock(&d.kprobeMutex)
	k.SynchronizeRCU()
	if ok {
		d.unregisterBottom(k, l)
	}
	rp.hook(k).put(k)
}

// stopReturns is rethook_stop().
func stopReturns(k *sim.K, rh *rethook) { rh.handler.Assign(k, nil) }

// preHandlerKretprobe is pre_handler_kretprobe().
func (d *today) preHandlerKretprobe(k *sim.K, rp *Kretprobe) {
	rh := rp.hook(k)
	if !rh.rethookTryGet(k) {
		rp.missed(k)
		return
	}
	frames := d.returns.of(k)
	*frames = append(*frames, rh) // rethook_hook()
}

// Hijacked is part of [ReturnProber].
func (d *today) Hijacked(k *sim.K) int { return len(*d.returns.of(k)) }

// TrampolineHandler is rethook_trampoline_handler().
func (d *today) TrampolineHandler(k *sim.K) {
	frames := d.returns.of(k)
	rh := (*frames)[len(*frames)-1]
	*frames = (*frames)[:len(*frames)-1]
	k.PreemptDisable()
	if rp := d.former.handlerOf(k, rh); rp != nil {
		cpu := d.cpus.this(k)
		outer := cpu.current
		cpu.current = &rp.Kprobe
		rp.Handler(k)
		cpu.current = outer
	}
	k.PreemptEnable()
	// rethook_recycle()
	k.Step(opPush, &rh.pool, sim.Write)
	rh.free++
	rh.put(k)
}

// handlerOf is the handler of a node, nil if the probe is gone. Preemption is off.
func handlerOf(k *sim.K, rh *rethook) *Kretprobe { return rh.handler.DereferenceSched(k) }

// KprobeFlushTask is kprobe_flush_task(). Since the nodes hang on the task there is no
// lock to take, and what is left is freed with the task.
func (d *today) KprobeFlushTask(k *sim.K) { d.former.flushTask(k) }
