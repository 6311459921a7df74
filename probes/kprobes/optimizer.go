package kprobes

import "trapline/sim"

// Optimizer is what a design with [Jumps] has besides.
type Optimizer interface {
	Scheme
	// JumpedTo is the detour of the probe at an address: a CPU has executed the jump.
	// It runs the handlers, and the copies of what the jump covers.
	JumpedTo(k *sim.K, addr Addr)
	// Finish has the optimizer do at once what it still has to. It is for the end of
	// a scenario.
	Finish(k *sim.K)
}

// optimizer makes jumps of breakpoints, and breakpoints of jumps, in a work item of
// its own: what is to be done waits on its lists.
//
//	a new probe     optimized, on optimizing:     int3 in the text
//	                optimized, on no list:        a jump
//	on its way out  optimized, on unoptimizing:   still a jump
//	                on freeing:                   int3, or nothing, in the text
type optimizer struct {
	lists sim.Data // of the lists, which kprobe_mutex protects
	queue [freeing + 1][]*Kprobe
	work  sim.Work
	ended bool // nobody is there to run the work item
}

var opDetour = sim.NewOp("detour of %s")

var _ = sim.Plumbing("move", "all")

func (o *optimizer) init(k *sim.K, d *today) {
	o.lists.Init(k, "optimizing_list")
	k.InitWork(&o.work, "optimizing_work", func(k *sim.K) { d.former.kprobeOptimizer(k) })
}

// move puts a probe on another list, or on none. The caller holds kprobe_mutex.
func (o *optimizer) move(k *sim.K, p *Kprobe, to queue) {
	o.lists.Write(k)
	from := o.queue[p.queue]
	for i, other := range from {
		if other == p && p.queue != none {
			o.queue[p.queue] = append(from[:i:i], from[i+1:]...)
			break
		}
	}
	if p.queue = to; to != none {
		o.queue[to] = append(o.queue[to], p)
	}
}

// kick is kick_kprobe_optimizer().
func (o *optimizer) kick(k *sim.K) {
	if !o.ended {
		k.ScheduleWork(&o.work)
	}
}

// tryToOptimize is try_to_optimize_kprobe(). The caller holds kprobe_mutex.
func (d *today) tryToOptimize(k *sim.K, p *Kprobe) {
	if !d.text.insns[p.Addr].jumpable || p.PostHandler != nil {
		return
	}
	k.PercpuDownRead(&d.cpusLock)
	k.MutexLock(&d.key.mutex) // jump_label_lock()
	k.MutexLock(&d.textMutex)
	if ap, err := d.initAggrKprobe(k, p); err == nil {
		d.optimizeKprobe(k, ap)
	}
	k.MutexUnlock(&d.textMutex)
	k.MutexUnlock(&d.key.mutex)
	k.PercpuUpRead(&d.cpusLock)
}

// reuseUnusedKprobe is reuse_unused_kprobe(): the jump of a manager that was to be freed
// is there still, and stays. The caller holds kprobe_mutex.
func (d *today) reuseUnusedKprobe(k *sim.K, ap *Kprobe) {
	ap.clear(k, disabled)
	d.optimizeKprobe(k, ap)
}

// optimizeKprobe is optimize_kprobe(). The caller holds kprobe_mutex.
func (d *today) optimizeKprobe(k *sim.K, p *Kprobe) {
	if !p.manager || !d.text.insns[p.Addr].jumpable || p.off() || d.allDisarmed || p.post.Peek() {
		return
	}
	// arch_check_optimized_kprobe()
	if other := d.table.get(k, p.Addr+1, true); other != nil && d.former.inTheWay(other) {
		return
	}
	if p.state&optimized != 0 {
		if p.queue == unoptimizing {
			d.former.stayOptimized(k, p)
		}
		return
	}
	p.set(k, optimized)
	d.optimizer.move(k, p, optimizing)
	d.optimizer.kick(k)
}

// inTheWay says that the jump of another probe must not cover this one: not as long as
// it has a jump itself. The caller holds kprobe_mutex.
func inTheWay(other *Kprobe) bool { return !other.disarmed() }

// stayOptimized is for a probe that waits to be unoptimised: it is a jump still, and so
// stays one. The caller holds kprobe_mutex.
func (d *today) stayOptimized(k *sim.K, p *Kprobe) { d.optimizer.move(k, p, none) }

// unoptimizeKprobe is unoptimize_kprobe(). With force it does not leave that to the
// optimizer, and the caller holds text_mutex. The caller holds kprobe_mutex.
func (d *today) unoptimizeKprobe(k *sim.K, p *Kprobe, force bool) {
	if !p.manager || p.disarmed() || p.state&optimized == 0 {
		return
	}
	switch {
	case p.queue == unoptimizing && force:
		d.former.unoptimizeQueued(k, p)
	case p.queue == optimizing:
		d.optimizer.move(k, p, none)
		p.clear(k, optimized)
	case p.queue != none:
	case force:
		d.former.unoptimized(k, p, Int3)
	default:
		d.optimizer.move(k, p, unoptimizing)
		d.optimizer.kick(k)
	}
}

// unoptimizeQueued is what unoptimize_kprobe() does by force for a probe that waits for
// the optimizer, who has to finish it. The caller holds kprobe_mutex and text_mutex.
func (d *today) unoptimizeQueued(k *sim.K, p *Kprobe) {
	d.former.unoptimized(k, p, Int3)
	d.optimizer.move(k, p, freeing)
}

// unoptimized puts a breakpoint in place of the jump, and then says so: until the
// text is whole again the exception must take the detour. The caller holds text_mutex.
func (d *today) unoptimized(k *sim.K, p *Kprobe, rest Byte) {
	d.text.pokeJump(k, p.Addr, rest, Own) // arch_unoptimize_kprobe()
	p.clear(k, optimized)
}

// kprobeOptimizer is kprobe_optimizer().
func (d *today) kprobeOptimizer(k *sim.K) {
	k.MutexLock(&d.kprobeMutex)
	k.PercpuDownRead(&d.cpusLock)
	k.MutexLock(&d.textMutex)
	d.optimizeAll(k)
	k.MutexUnlock(&d.textMutex)
	k.PercpuUpRead(&d.cpusLock)
	d.kickAgain(k)
	k.MutexUnlock(&d.kprobeMutex)
}

// kickAgain is the last step of kprobe_optimizer().
func (d *today) kickAgain(k *sim.K) {
	d.optimizer.lists.Read(k)
	if len(d.optimizer.queue[optimizing])+len(d.optimizer.queue[unoptimizing]) > 0 {
		d.optimizer.kick(k)
	}
}

// optimizeAll is what kprobe_optimizer() does under its locks.
func (d *today) optimizeAll(k *sim.K) {
	d.former.doUnoptimizeKprobes(k)
	// Nobody must be between the instructions that a jump is going to cover.
	k.SynchronizeRCUTasks()
	d.doOptimizeKprobes(k)
	d.doFreeCleanedKprobes(k)
}

// doUnoptimizeKprobes is do_unoptimize_kprobes().
func (d *today) doUnoptimizeKprobes(k *sim.K) {
	d.optimizer.lists.Read(k)
	for _, p := range d.optimizer.queue[unoptimizing] {
		d.former.unoptimized(k, p, Int3)
		d.optimizer.move(k, p, freeing)
	}
	for _, p := range d.optimizer.queue[freeing] {
		if p.state&gone == 0 && p.off() {
			d.text.disarmText(k, p.Addr)
			d.former.syncAfterArm(k)
		}
		if p.unused(k) {
			d.table.list.Del(k, &p.hlist)
		} else {
			d.optimizer.move(k, p, none)
		}
	}
}

// doOptimizeKprobes is do_optimize_kprobes().
func (d *today) doOptimizeKprobes(k *sim.K) {
	if d.allDisarmed {
		return
	}
	for _, p := range d.optimizer.queue[optimizing] {
		if !p.off() {
			d.text.insns[p.Addr].detour = p
			d.text.pokeJump(k, p.Addr, Jump, Garbage) // arch_optimize_kprobes()
			d.optimizer.move(k, p, none)
		}
	}
}

// doFreeCleanedKprobes is do_free_cleaned_kprobes().
func (d *today) doFreeCleanedKprobes(k *sim.K) {
	for _, p := range d.optimizer.queue[freeing] {
		d.optimizer.move(k, p, none)
		d.removeSlot(k, p)
		k.Kfree(&p.Life)
	}
}

// getOptimizedKprobe is get_optimized_kprobe(): the probe whose jump covers a. The
// caller holds kprobe_mutex.
func (d *today) getOptimizedKprobe(k *sim.K, a Addr) *Kprobe {
	if a == 0 || !d.text.insns[a-1].jumpable {
		return nil
	}
	if p := d.table.get(k, a-1, true); p != nil && p.manager {
		return p
	}
	return nil
}

// jumpIsThere says that the jump of an optimised probe is in the text. The caller
// holds kprobe_mutex.
func jumpIsThere(ap *Kprobe) bool { return ap.queue == none || ap.queue == unoptimizing }

// recoverProbedInstruction is recover_probed_instruction(): which instruction belongs at a, whatever
// probes have put there. The caller holds kprobe_mutex.
func (d *today) recoverProbedInstruction(k *sim.K, a Addr) Addr {
	if p := d.getOptimizedKprobe(k, a); p != nil && p.state&optimized != 0 && d.former.jumpIsThere(p) {
		return a
	}
	if d.text.readText(k, a) == Garbage {
		return noInsn // what is there is taken for the instruction
	}
	return a
}

// JumpedTo is the detour: optimized_callback(), and the copies.
func (d *today) JumpedTo(k *sim.K, addr Addr) {
	// The address of the manager is in the code of the detour.
	ap := d.text.insns[addr].detour
	k.Use(opDetour, &ap.Life)
	d.former.optimizedCallback(k, ap)
	d.stepDetour(k, ap)
}

// stepDetour is a CPU executing the copies in the detour, and jumping back.
func (d *today) stepDetour(k *sim.K, ap *Kprobe) { k.Use(opDetour, &ap.Life) }

// optimizedCallback is optimized_callback().
func (d *today) optimizedCallback(k *sim.K, ap *Kprobe) {
	user := d.text.User(k)
	was := *user
	*user = false // clac, as at the entry of an exception
	d.callback(k, ap)
	*user = was // popf
}

// callback runs the handlers of an optimised probe, unless one runs on this CPU.
func (d *today) callback(k *sim.K, ap *Kprobe) {
	if ap.isOff(k) {
		return
	}
	k.PreemptDisable()
	cpu := d.cpus.this(k)
	if cpu.current != nil {
		ap.incNmissed(k)
	} else {
		cpu.current = ap
		ap.eachEnabled(k, (*Kprobe).pre)
		cpu.current = nil
	}
	k.PreemptEnable()
}

// Finish is wait_for_kprobe_optimizer(), which does the work itself.
func (d *today) Finish(k *sim.K) {
	d.optimizer.ended = true
	for len(d.optimizer.queue[optimizing])+len(d.optimizer.queue[unoptimizing])+len(d.optimizer.queue[freeing]) > 0 {
		d.former.kprobeOptimizer(k)
	}
}
