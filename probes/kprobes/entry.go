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
	// was at the probe, and the CPU steps what is in the slot. It is nil if nobody knows
	// of that breakpoint.
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
	return registerEntry(k, d, jp, func(k *sim.K) { c.setjmp(k, jp) })
}

// registerEntry is register_jprobe() with a setjmp_pre_handler(), which must be there
// before the probe can be hit.
func registerEntry(k *sim.K, d Scheme, jp *Jprobe, setjmp func(k *sim.K)) error {
	jp.entry = true
	jp.PreHandler = setjmp
	return d.RegisterKprobe(k, &jp.Kprobe)
}

// setjmp is setjmp_pre_handler().
func (c *cpus) setjmp(k *sim.K, jp *Jprobe) { c.this(k).jump = jp }

// trap is what the exception says when it has run the handlers.
func (r *running) trap(slot *Slot) (Trap, *Slot) {
	if r.jump != nil && !r.reenter {
		return Entered, nil
	}
	return Handled, slot
}

// longjmp is longjmp_break_handler(), which is called only if the probe that is being
// handled, or the manager, has a break_handler.
func (r *running) longjmp(k *sim.K) *Slot {
	if p := r.current; p.manager && p.era >= as2618 && !p.breaks.Read(k) {
		return nil
	}
	r.jump = nil
	return r.current.slot.Get(k)
}

// addNewKprobe is add_new_kprobe(): the newest probe is the first one, but an entry is
// the last one, as nothing comes after it. The caller holds the lock of the table.
func (ap *Kprobe) addNewKprobe(k *sim.K, p *Kprobe) error {
	switch {
	case !p.entry:
		ap.members.AddHead(k, &p.list)
	case ap.hasEntry(k):
		return sim.EEXIST
	default:
		ap.members.AddTail(k, &p.list)
		ap.takeBreakHandler(k, p)
	}
	ap.takePostHandler(k, p)
	return nil
}

// hasEntry says that there is a jprobe among the probes of a manager. The caller holds
// the lock of the table.
func (ap *Kprobe) hasEntry(k *sim.K) bool {
	if ap.era >= as2618 {
		return ap.breaks.Read(k)
	}
	for member := range ap.members.All(k, true) {
		if member.entry {
			return true
		}
	}
	return false
}

// takePostHandler has a manager call post_handlers, if p has one. The caller holds the
// lock of the table, or is the only one who knows of the manager.
func (ap *Kprobe) takePostHandler(k *sim.K, p *Kprobe) {
	if ap.era >= as2618 && p.PostHandler != nil && !ap.post.Peek() {
		ap.post.Write(k, true)
	}
}

// takeBreakHandler is the same for the break_handler.
func (ap *Kprobe) takeBreakHandler(k *sim.K, p *Kprobe) {
	if ap.era >= as2618 && p.entry {
		ap.breaks.Write(k, true)
	}
}

// dropHandlers takes those handlers off a manager that it had for p only. The caller
// holds kprobe_mutex.
func (ap *Kprobe) dropHandlers(k *sim.K, p *Kprobe) {
	if p.entry {
		ap.breaks.Write(k, false)
	}
	ap.dropPostHandler(k, p)
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

var _ = sim.Plumbing("register_jprobe", "register_entry", "setjmp", "trap", "longjmp", "has_entry",
	"take_post_handler", "take_break_handler", "drop_handlers")
