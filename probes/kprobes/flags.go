package kprobes

import "trapline/sim"

// flags are the flags of a probe since Linux 2.6.30.
type flags uint8

const (
	disabled  flags = 1 << iota // KPROBE_FLAG_DISABLED
	gone                        // KPROBE_FLAG_GONE: its module is unloaded
	optimized                   // KPROBE_FLAG_OPTIMIZED: a jump is there, or on its way
)

// queue is a list of the optimizer's on which a probe may be.
type queue uint8

const (
	none queue = iota
	optimizing
	unoptimizing
	freeing
)

func (p *Kprobe) initFlags(k *sim.K, f flags) {
	p.flags.Init(k, p.name+"->flags", f)
	p.flags.In(&p.Life)
	p.state, p.queue = f, none
}

// set and clear change flags. The caller holds kprobe_mutex.
func (p *Kprobe) set(k *sim.K, f flags) {
	p.state |= f
	p.flags.Write(k, p.state)
}

func (p *Kprobe) clear(k *sim.K, f flags) {
	p.state &^= f
	p.flags.Write(k, p.state)
}

// off is kprobe_disabled(), for those who hold kprobe_mutex.
func (p *Kprobe) off() bool { return p.state&(disabled|gone) != 0 }

// isOff is kprobe_disabled() in a handler.
func (p *Kprobe) isOff(k *sim.K) bool { return p.flags.Read(k)&(disabled|gone) != 0 }

// disarmed is kprobe_disarmed(): disabled, and not waiting for the optimizer. The
// caller holds kprobe_mutex.
func (p *Kprobe) disarmed() bool { return p.off() && p.queue == none }

// unused is kprobe_unused(): a manager that waits for the optimizer to free it. The
// caller holds kprobe_mutex.
func (p *Kprobe) unused(k *sim.K) bool {
	return p.manager && p.off() && p.members.Empty(k)
}
