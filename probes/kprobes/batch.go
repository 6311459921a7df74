package kprobes

import "trapline/sim"

// BatchUnregisterer is what a design with [Batches] has besides: several probes go at
// once, and one grace period is for all of them.
type BatchUnregisterer interface {
	Scheme
	// UnregisterKprobes is unregister_kprobes().
	UnregisterKprobes(k *sim.K, ps ...*Kprobe)
}

// leaving is a probe between the two halves of its unregistration.
type leaving struct {
	p, old *Kprobe // old is p, or its manager
	last   bool
}

// halves are what unregister_kprobes() does with each probe before the grace period, under
// kprobe_mutex, and after it.
type halves interface {
	unregisterTop(k *sim.K, p *Kprobe) (leaving, bool)
	unregisterBottom(k *sim.K, l leaving)
}

// unregisterEach is unregister_kprobes(), with the grace period of a kernel.
func unregisterEach(k *sim.K, d halves, kprobeMutex *sim.Mutex, synchronize func(k *sim.K), ps []*Kprobe) {
	var out []leaving
	k.MutexLock(kprobeMutex)
	for _, p := range ps {
		if l, ok := d.unregisterTop(k, p); ok {
			out = append(out, l)
		}
	}
	k.MutexUnlock(kprobeMutex)
	synchronize(k)
	for _, l := range out {
		d.unregisterBottom(k, l)
	}
}

// UnregisterKprobes is part of [BatchUnregisterer].
func (d *batchKprobes) UnregisterKprobes(k *sim.K, ps ...*Kprobe) {
	unregisterEach(k, d, &d.kprobeMutex, (*sim.K).SynchronizeSched, ps)
}

// UnregisterKprobes is part of [BatchUnregisterer].
func (d *today) UnregisterKprobes(k *sim.K, ps ...*Kprobe) {
	unregisterEach(k, d, &d.kprobeMutex, (*sim.K).SynchronizeRCU, ps)
}

var _ = sim.Plumbing("unregister_top", "unregister_bottom", "unregister_each")
