package kprobes

import "trapline/sim"

// JumpProber is what a design with [Entries] has besides: jprobes, which were in Linux up to
// 4.14. The handler of a jprobe is no handler but a function in place of the probed one,
// with its arguments: the exception jumps there, and another breakpoint at its end
// comes back.
type JumpProber interface {
	Scheme
	// RegisterJprobe arms a jprobe. There is one at an address at most: EEXIST.
	RegisterJprobe(k *sim.K, jp *Jprobe) error
	// UnregisterJprobe disarms it. Once it has returned, its entry is not called any more.
	UnregisterJprobe(k *sim.K, jp *Jprobe)
	// JprobeEntry is where the CPU goes on when the exception says [Entered].
	JprobeEntry(k *sim.K) *Jprobe
	// JprobeReturn is jprobe_return(), the breakpoint at the end of the entry: all is as it
	// was at the probe, and the CPU steps what is in the slot.
	JprobeReturn(k *sim.K) *Slot
}

// Jprobe is struct jprobe.
type Jprobe struct {
	Kprobe
	// Entry is called where the probe is hit, with interrupts and preemption off. It
	// never returns: it ends with jprobe_return().
	Entry func(k *sim.K)
}

// registerJprobe is register_jprobe().
func registerJprobe(k *sim.K, d Scheme, c *cpus, jp *Jprobe) error {
	jp.entry = true
	jp.PreHandler = func(k *sim.K) { c.this(k).jump = jp } // setjmp_pre_handler()
	return d.RegisterKprobe(k, &jp.Kprobe)
}

// trap is what the exception says when it has run the handlers.
func (r *running) trap(slot *Slot) (Trap, *Slot) {
	if r.jump != nil && !r.reenter {
		return Entered, nil
	}
	return Handled, slot
}

// longjmp is longjmp_break_handler().
func (r *running) longjmp(k *sim.K) *Slot {
	r.jump = nil
	return r.current.slot.Get(k)
}

// addMember is add_new_kprobe(): an entry comes last, as nothing comes after it. The
// caller holds the lock of the table.
func (p *Kprobe) addMember(k *sim.K, member *Kprobe) error {
	switch {
	case member.entry && p.entry:
		return sim.EEXIST
	case member.entry:
		p.entry = true
		p.members.AddTail(k, &member.list)
	case p.entry:
		p.members.AddHead(k, &member.list)
	default:
		p.members.AddTail(k, &member.list)
	}
	return nil
}

// delMember takes a probe out of its manager. The caller holds the lock of the table.
func (p *Kprobe) delMember(k *sim.K, member *Kprobe) {
	if member.entry {
		p.entry = false
	}
	p.members.Del(k, &member.list)
}

// RegisterJprobe is part of [JumpProber].
func (d *oneLock) RegisterJprobe(k *sim.K, jp *Jprobe) error {
	return registerJprobe(k, d, &d.cpus, jp)
}

// UnregisterJprobe is part of [JumpProber].
func (d *oneLock) UnregisterJprobe(k *sim.K, jp *Jprobe) { d.UnregisterKprobe(k, &jp.Kprobe) }

// JprobeEntry is part of [JumpProber].
func (d *oneLock) JprobeEntry(k *sim.K) *Jprobe { return d.cpus.this(k).jump }

// JprobeReturn is part of [JumpProber].
func (d *oneLock) JprobeReturn(k *sim.K) *Slot { return d.cpus.this(k).longjmp(k) }

// RegisterJprobe is part of [JumpProber].
func (d *rcuKprobes) RegisterJprobe(k *sim.K, jp *Jprobe) error {
	return registerJprobe(k, d, &d.cpus, jp)
}

// UnregisterJprobe is part of [JumpProber].
func (d *rcuKprobes) UnregisterJprobe(k *sim.K, jp *Jprobe) { d.UnregisterKprobe(k, &jp.Kprobe) }

// JprobeEntry is part of [JumpProber].
func (d *rcuKprobes) JprobeEntry(k *sim.K) *Jprobe { return d.cpus.this(k).jump }

// JprobeReturn is part of [JumpProber].
func (d *rcuKprobes) JprobeReturn(k *sim.K) *Slot { return d.cpus.this(k).longjmp(k) }

// RegisterJprobe is part of [JumpProber].
func (d *mutexKprobes) RegisterJprobe(k *sim.K, jp *Jprobe) error {
	return registerJprobe(k, d, &d.cpus, jp)
}

// UnregisterJprobe is part of [JumpProber].
func (d *mutexKprobes) UnregisterJprobe(k *sim.K, jp *Jprobe) { d.UnregisterKprobe(k, &jp.Kprobe) }

// JprobeEntry is part of [JumpProber].
func (d *mutexKprobes) JprobeEntry(k *sim.K) *Jprobe { return d.cpus.this(k).jump }

// JprobeReturn is part of [JumpProber].
func (d *mutexKprobes) JprobeReturn(k *sim.K) *Slot { return d.cpus.this(k).longjmp(k) }

// UnregisterJprobe is part of [JumpProber].
func (d *batchKprobes) UnregisterJprobe(k *sim.K, jp *Jprobe) { d.UnregisterKprobe(k, &jp.Kprobe) }

var _ = sim.Plumbing("register_jprobe", "trap", "longjmp", "add_member", "del_member")
