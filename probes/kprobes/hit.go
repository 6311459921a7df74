package kprobes

import "trapline/sim"

// running is what a CPU is about between the two exceptions of a hit: current_kprobe
// and the state of kprobe_ctlblk. Each task here has a CPU of its own, and nobody
// else looks at it.
type running struct {
	current *Kprobe
	// outer is what was running when a handler, or the stepped instruction, hit
	// another probe: prev_kprobe.
	outer *Kprobe
	// reenter is KPROBE_REENTER.
	reenter bool
	// jump is the jprobe whose entry is to run, or runs.
	jump *Jprobe
}

// cpus are the CPUs, by task.
type cpus []*running

func (c *cpus) this(k *sim.K) *running {
	for int(k.ID()) >= len(*c) {
		*c = append(*c, &running{})
	}
	return (*c)[k.ID()]
}

// hit is what the int3 exception does with the probe that it has found, once nobody
// can preempt it any more: it runs the handlers, or only counts if a handler is
// running already.
func (r *running) hit(k *sim.K, p *Kprobe) *Slot {
	if r.current != nil {
		if r.reenter {
			k.Fail(&sim.Violation{Kind: Unrecoverable, Subject: "a third probe was hit while two were being handled"})
		}
		p.incNmissed(k)
		r.outer, r.current, r.reenter = r.current, p, true
		return p.slot.Get(k)
	}
	r.current = p
	p.each(k, func(p *Kprobe) {
		if p.PreHandler != nil {
			p.PreHandler(k)
		}
	})
	return p.slot.Get(k)
}

// stepped is what the debug exception does after the instruction.
func (r *running) stepped(k *sim.K) {
	if r.reenter {
		r.current, r.outer, r.reenter = r.outer, nil, false
		return
	}
	if r.current.posts(k) {
		r.current.each(k, func(p *Kprobe) {
			if p.PostHandler != nil {
				p.PostHandler(k)
			}
		})
	}
	r.current = nil
}

// posts is p->post_handler, as far as that of a probe does not tell by itself. The caller
// is an exception.
func (p *Kprobe) posts(k *sim.K) bool { return !p.manager || p.era < as2618 || p.post.Read(k) }

var _ = sim.Plumbing("is_manager", "inc_nmissed", "each", "each_enabled", "hit", "hit_enabled", "stepped", "stepped_enabled", "posts", "drop_post_handler", "valid")

// Unrecoverable is a probe hit where not even that can be counted: prev_kprobe, and with it
// the way back, would be overwritten.
var Unrecoverable = sim.Kind{Name: "unrecoverable-kprobe", Class: "kernel BUG: Unrecoverable kprobe detected"}

// unknown is an int3 that no probe is found for. If the breakpoint is gone from the
// text, another CPU has removed it after this one had fetched it. The handler reads the
// text as data, and so does not see what its CPU may have fetched long before.
func (t *Text) unknown(k *sim.K, a Addr) Trap {
	if t.readAs(k, opLook, a) == Int3 {
		return NotOurs
	}
	return Restart
}

// hitEnabled and steppedEnabled are hit and stepped where a probe of a manager may be
// switched off.
func (r *running) hitEnabled(k *sim.K, p *Kprobe) *Slot {
	if r.current != nil {
		return r.hit(k, p)
	}
	r.current = p
	p.eachEnabled(k, (*Kprobe).pre)
	return p.slot.Get(k)
}

func (r *running) steppedEnabled(k *sim.K) {
	if r.reenter {
		r.stepped(k)
		return
	}
	if r.current.posts(k) {
		r.current.eachEnabled(k, (*Kprobe).after)
	}
	r.current = nil
}

// eachEnabled is each for those probes of a manager that are not switched off.
func (p *Kprobe) eachEnabled(k *sim.K, f func(p *Kprobe, k *sim.K)) {
	if !p.isManager(k) {
		f(p, k)
		return
	}
	for member := range p.members.All(k, false) {
		if !member.isOff(k) {
			f(member, k)
		}
	}
}

func (p *Kprobe) pre(k *sim.K) {
	if p.PreHandler != nil {
		p.PreHandler(k)
	}
}

func (p *Kprobe) after(k *sim.K) {
	if p.PostHandler != nil {
		p.PostHandler(k)
	}
}
