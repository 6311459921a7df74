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

// UnregisterKprobes is part of [BatchUnregisterer].
func (d *batchKprobes) UnregisterKprobes(k *sim.K, ps ...*Kprobe) {
	var out []leaving
	k.MutexLock(&d.kprobeMutex)
	for _, p := range ps {
		if l, ok := d.unregisterTop(k, p); ok {
			out = append(out, l)
		}
	}
	k.MutexUnlock(&d.kprobeMutex)
	k.SynchronizeSched()
	for _, l := range out {
		d.unregisterBottom(k, l)
	}
}

// UnregisterKprobes is part of [BatchUnregisterer].
func (d *today) UnregisterKprobes(k *sim.K, ps ...*Kprobe) {
	var out []leaving
	k.MutexLock(&d.kprobeMutex)
	for _, p := range ps {
		if l, ok := d.unregisterTop(k, p); ok {
			out = append(out, l)
		}
	}
	k.MutexUnlock(&d.kprobeMutex)
	k.SynchronizeRCU()
	for _, l := range out {
		d.unregisterBottom(k, l)
	}
}

var _ = sim.Plumbing("unregister_top", "unregister_bottom")
