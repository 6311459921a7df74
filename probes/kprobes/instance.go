package kprobes

import (
	"slices"

	"trapline/probes"
	"trapline/sim"
)

// instances are what kretprobes had up to Linux 5.11 in place of rethooks: a struct
// kretprobe_instance for each call under way, in kretprobe_inst_table, which is hashed by
// task, and on one of two lists of its probe. One lock is for all of that. (The trampoline
// has a probe of its own, which finds its way here; its entry in the table of probes is
// left out.)
type instances struct {
	lock   *sim.SpinLock // kretprobe_lock; kprobe_lock before the patch of 2005
	held   bool          // by the exceptions, while they handle a probe: before the patch
	data   sim.Data
	byTask [][]*instance // the newest last

	scheme Scheme
	cpus   *cpus
	text   *Text
	early  bool // probes free what is left of them under the lock
}

// flushed and lockedInNMI are what follows from that lock.
var (
	flushed = probes.Failure{
		Scenario: "task-ends-under-a-kretprobe",
		Title:    "possible deadlock in pre_handler_kretprobe",
		Why:      "the end of a task runs into a kretprobe with kretprobe_lock held, which that takes",
	}
	lockedInNMI = probes.Failure{
		Scenario: "function-called-by-an-nmi",
		Title:    "inconsistent lock state in unregister_kretprobe",
		Why:      "an NMI that hits a kretprobe takes kretprobe_lock, which the CPU that it came to may hold: later kernels refused in NMIs because of that",
	}
)

// instance is struct kretprobe_instance.
type instance struct {
	sim.Life
	rp *Kretprobe // nil if that was unregistered meanwhile
}

func (in *instances) init(k *sim.K) {
	in.data.Init(k, "kretprobe_inst_table")
}

// head is kretprobe_inst_table_head() for the task itself.
func (in *instances) head(k *sim.K) *[]*instance {
	for int(k.ID()) >= len(in.byTask) {
		in.byTask = append(in.byTask, nil)
	}
	return &in.byTask[k.ID()]
}

// RegisterKretprobe is register_kretprobe().
func (in *instances) RegisterKretprobe(k *sim.K, rp *Kretprobe) error {
	rp.PreHandler = func(k *sim.K) { in.preHandlerKretprobe(k, rp) }
	for range maxactive {
		ri := &instance{}
		if err := k.Kzalloc(&ri.Life, "kretprobe_instance", sim.GFPKernel); err != nil {
			freeRpInst(k, rp)
			return err
		}
		rp.free = append(rp.free, ri)
	}
	err := in.scheme.RegisterKprobe(k, &rp.Kprobe)
	if err != nil {
		freeRpInst(k, rp)
	}
	return err
}

// freeRpInst is free_rp_inst().
func freeRpInst(k *sim.K, rp *Kretprobe) {
	for _, ri := range rp.free {
		k.Kfree(&ri.Life)
	}
	rp.free = nil
}

// archPrepareKretprobe is arch_prepare_kretprobe(). The caller holds the lock.
func (in *instances) archPrepareKretprobe(k *sim.K, rp *Kretprobe) {
	in.data.Write(k)
	n := len(rp.free)
	if n == 0 {
		rp.missed(k)
		return
	}
	ri := rp.free[n-1]
	ri.rp = rp
	// add_rp_inst()
	rp.free, rp.used = rp.free[:n-1], append(rp.used, ri)
	head := in.head(k)
	*head = append(*head, ri)
}

// trampolineProbeHandler is the heart of trampoline_probe_handler(). The caller holds the
// lock.
func (in *instances) trampolineProbeHandler(k *sim.K) {
	in.data.Write(k)
	head := in.head(k)
	ri := (*head)[len(*head)-1]
	if ri.rp != nil {
		ri.rp.Handler(k)
	}
	in.recycleRpInst(k, ri)
}

// recycleRpInst is recycle_rp_inst(). The caller holds the lock.
func (in *instances) recycleRpInst(k *sim.K, ri *instance) {
	head := in.head(k)
	*head = slices.DeleteFunc(*head, func(other *instance) bool { return other == ri })
	if ri.rp == nil {
		k.Kfree(&ri.Life) // unregistering
		return
	}
	ri.rp.used = slices.DeleteFunc(ri.rp.used, func(other *instance) bool { return other == ri })
	ri.rp.free = append(ri.rp.free, ri)
}

// UnregisterKretprobe is unregister_kretprobe().
func (in *instances) UnregisterKretprobe(k *sim.K, rp *Kretprobe) {
	in.scheme.UnregisterKprobe(k, &rp.Kprobe)
	flags := k.SpinLockIRQSave(in.lock)
	in.data.Write(k)
	if in.early {
		freeRpInst(k, rp)
	}
	for _, ri := range rp.used {
		ri.rp = nil
	}
	rp.used = nil
	k.SpinUnlockIRQRestore(in.lock, flags)
	freeRpInst(k, rp) // if they are there still
}

// preHandlerKretprobe is pre_handler_kretprobe().
func (in *instances) preHandlerKretprobe(k *sim.K, rp *Kretprobe) {
	if in.held {
		in.archPrepareKretprobe(k, rp)
		return
	}
	flags := k.SpinLockIRQSave(in.lock)
	in.archPrepareKretprobe(k, rp)
	k.SpinUnlockIRQRestore(in.lock, flags)
}

// Hijacked is part of [ReturnProber].
func (in *instances) Hijacked(k *sim.K) int { return len(*in.head(k)) }

// trampoline is the probe at kretprobe_trampoline.
var trampoline = &Kprobe{name: "kretprobe_trampoline"}

// TrampolineHandler is the exception of the trampoline, with trampoline_probe_handler() in
// it.
func (in *instances) TrampolineHandler(k *sim.K) {
	k.PreemptDisable()
	cpu := in.cpus.this(k)
	flags := k.SpinLockIRQSave(in.lock)
	cpu.current = trampoline
	in.trampolineProbeHandler(k)
	cpu.current = nil
	k.SpinUnlockIRQRestore(in.lock, flags)
	k.PreemptEnable()
}

// KprobeFlushTask is kprobe_flush_task(), which exit_thread() calls: what the task will not
// return from is given back, and what that calls may be probed itself.
func (in *instances) KprobeFlushTask(k *sim.K) {
	flags := k.SpinLockIRQSave(in.lock)
	in.data.Write(k)
	for _, ri := range slices.Clone(*in.head(k)) {
		in.recycleRpInst(k, ri)
	}
	in.text.Run(k, in.text.Flushed)
	k.SpinUnlockIRQRestore(in.lock, flags)
}
