package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// RCU is the patch of October 2005 that lets handlers run in parallel: the table and
// the lists of managers are read without a lock in the exceptions, kprobe_lock only
// keeps updaters out of each other's way, and unregister_kprobe waits with
// synchronize_sched until no CPU is in a handler.
//
//	kprobe_lock     updates of the table and of managers; a spinlock, taken with
//	                interrupts off
//	kretprobe_lock  the instances of kretprobes (instance.go); likewise
//
// The patch says that get_kprobe is "called under a rcu_read_lock()", and this file
// takes it at its word. The code of the processor disables preemption as well, once
// it has found the probe. Where the exception runs with interrupts off that makes no
// difference; elsewhere it is what the review is about.
var RCU = add(Design{
	Design: probes.Design{
		Name:  "2005-rcu",
		Title: "as posted: handlers under RCU, updates under a spinlock",
		From:  `linux-kernel, 10 to 18 Oct 2005, Ananth N Mavinakayanahalli, "[PATCH 8/9] Kprobes: Use RCU for (un)register synchronization - base changes", with Paul E. McKenney's review`,
		Order: []string{"kprobe_insn_mutex", "kprobe_lock"},
		Fails: []probes.Failure{
			{
				Scenario: "second-probe-at-an-address",
				Title:    "int3: 0000 [#1] in do_int3",
				Why:      "add_aggr_kprobe takes the first probe out of the table before it puts the manager in, with the breakpoint armed",
			},
			lostSlot, countedElsewhere, flushed, lockedInNMI,
			notSeen, comesBack, lostSlotAgain, slotOfAnother,
			{
				Scenario: "last-two-probes-unregister",
				Title:    "KASAN: double-free in unregister_kprobe",
				Why:      "after the grace period both removers find the list of the manager empty, and both free it",
			},
			{
				Scenario: "last-two-probes-unregister",
				Title:    "KASAN: slab-use-after-free Read in unregister_kprobe",
				Why:      "a remover looks at the manager again after the grace period, when the other one may have freed it",
			},
			{
				Scenario: "last-two-probes-unregister",
				Title:    "KASAN: slab-use-after-free Read in cleanup_kprobe",
				Why:      "the first remover sees the list empty as soon as the other one has taken its probe off, and frees the manager that is only then taken out of the table",
			},
			{
				Scenario: "last-two-probes-unregister",
				Title:    "KASAN: slab-use-after-free Write in cleanup_kprobe",
				Why:      "a remover takes the manager out of the table that the other one, who found its list empty, has freed",
			},
			{
				Scenario: "probe-beside-an-entry",
				Title:    "int3: 0000 [#1] in do_int3",
				Why:      "as in second-probe-at-an-address, where the first probe is a jprobe",
			},
			{
				Scenario: "slot-given-to-another-probe",
				Title:    "BUG: wrong instruction stepped in do_int3",
				Why:      "arch_remove_kprobe gives the slot back before the grace period, while another CPU is about to step what is in it",
			},
			{
				Scenario: "handler-with-interrupts-on",
				Title:    "KASAN: slab-use-after-free Read in kprobe_handler",
				Why:      "synchronize_sched does not wait for rcu_read_lock where readers can be preempted",
			},
			{
				Scenario: "handler-with-interrupts-on",
				Title:    "BUG: handler called after unregister in pre_handler",
				Why:      "synchronize_sched has not waited for the reader either when unregister_kprobe returns before the handler begins",
			},
			{
				Scenario: "handler-with-interrupts-on",
				Title:    "KASAN: slab-use-after-free Read in post_kprobe_handler",
				Why:      "the grace period began before preemption was disabled, so what is done with preemption off is not waited for either",
			},
			{
				Scenario: "stranger-unregisters",
				Title:    "BUG: unable to handle kernel paging request in cleanup_aggr_kprobe",
				Why:      "a probe that is not registered is taken off the list of the manager at its address, on which it is not",
			},
		},
	},
	Has: Breakpoints | Entries | Returns,
	New: func(k *sim.K, text *Text) Scheme {
		d := &rcuKprobes{text: text}
		k.SpinLockInit(&d.kprobeLock, "kprobe_lock")
		d.table.list.Init(k, "kprobe_table")
		k.SpinLockInit(&d.kretprobeLock, "kretprobe_lock")
		d.instances = instances{lock: &d.kretprobeLock, early: true, scheme: d, cpus: &d.cpus, text: text}
		d.instances.init(k)
		return d
	},
})

// lostSlot and slotOfAnother are what those have in common that give a slot to every
// probe and then copy that of the first one over it.
var lostSlot, lostSlotAgain, slotOfAnother = probes.Failure{
	Scenario: "second-probe-at-an-address",
	Title:    "memory leak in get_insn_slot",
	Why:      "arch_prepare_kprobe gives the second probe a slot, and copy_kprobe copies that of the first one over it",
}, probes.Failure{
	Scenario: "probe-goes-and-comes",
	Title:    "memory leak in get_insn_slot",
	Why:      "as in second-probe-at-an-address, where the second probe comes before the first one goes",
}, probes.Failure{
	Scenario: "probe-beside-an-entry",
	Title:    "KASAN: double-free in free_insn_slot",
	Why:      "the second jprobe is refused with -EEXIST, and arch_remove_kprobe gives its slot back, which copy_kprobe has made that of all probes there",
}

// countedElsewhere is what those have in common that count a hit where it is found.
var countedElsewhere = probes.Failure{
	Scenario: "two-probes-in-a-handler",
	Title:    "BUG: probe missed in execute",
	Why:      "a hit within a handler is counted in the manager, and in none of the probes",
}

// notSeen and comesBack are what all have in common that leave a breakpoint at being
// written.
var (
	notSeen = probes.Failure{
		Scenario: "hit-on-another-cpu",
		Title:    "BUG: probe missed in execute",
		Why:      "the breakpoint is written, and a CPU executes what it has fetched before",
	}
	comesBack = probes.Failure{
		Scenario: "probe-goes-and-comes",
		Title:    "int3: 0000 [#1] in do_int3",
		Why:      "the exception finds no probe, and before it looks at the text another probe is registered there",
	}
)

type rcuKprobes struct {
	text       *Text
	kprobeLock sim.SpinLock
	table      table
	cpus       cpus

	kretprobeLock sim.SpinLock
	instances
}

// RegisterKprobe is register_kprobe().
func (d *rcuKprobes) RegisterKprobe(k *sim.K, p *Kprobe) error {
	if !d.text.slots.archPrepareKprobe(k, p) {
		return sim.ENOMEM
	}
	flags := k.SpinLockIRQSave(&d.kprobeLock)
	err := registerUnderLock(k, d.text, &d.table, p)
	k.SpinUnlockIRQRestore(&d.kprobeLock, flags)
	if err == sim.EEXIST {
		d.text.slots.freeInsnSlot(k, p.slot.Get(k)) // arch_remove_kprobe()
	}
	return err
}

// registerUnderLock is register_kprobe() from the lock on. The caller holds
// kprobe_lock, so memory comes from GFP_ATOMIC.
func registerUnderLock(k *sim.K, text *Text, t *table, p *Kprobe) error {
	if old := t.get(k, p.Addr, true); old != nil {
		return registerAggrKprobe(k, t, old, p)
	}
	p.slot.Get(k).copyInsn(k, p.Addr) // arch_copy_kprobe()
	t.list.AddHead(k, &p.hlist)
	text.armText(k, p.Addr)
	return nil
}

// registerAggrKprobe is register_aggr_kprobe(): a second probe at an address has a
// manager take the place of the first one.
func registerAggrKprobe(k *sim.K, t *table, old, p *Kprobe) error {
	if old.isManager(k) {
		p.slot.Set(k, old.slot.Get(k)) // copy_kprobe()
		return old.addNewKprobe(k, p)
	}
	ap, err := newManager(k, p.Addr, sim.GFPAtomic, as2614)
	if err != nil {
		return err
	}
	addAggrKprobe(k, t, ap, old)
	p.slot.Set(k, ap.slot.Get(k)) // copy_kprobe()
	return ap.addNewKprobe(k, p)
}

// addAggrKprobe is add_aggr_kprobe(): for a moment there is nobody in the table.
func addAggrKprobe(k *sim.K, t *table, ap, p *Kprobe) {
	ap.slot.Set(k, p.slot.Get(k)) // copy_kprobe()
	ap.members.AddHead(k, &p.list)
	t.list.Del(k, &p.hlist)
	t.list.AddHead(k, &ap.hlist)
}

// UnregisterKprobe is unregister_kprobe().
func (d *rcuKprobes) UnregisterKprobe(k *sim.K, p *Kprobe) {
	flags := k.SpinLockIRQSave(&d.kprobeLock)
	old := d.table.get(k, p.Addr, true)
	if old == nil {
		k.SpinUnlockIRQRestore(&d.kprobeLock, flags)
		return
	}
	if old.isManager(k) {
		d.cleanupAggrKprobe(k, old, p, flags)
	} else {
		d.cleanupKprobe(k, p, flags)
	}
	k.SynchronizeSched()
	if old.isManager(k) && old.members.Empty(k) {
		k.Kfree(&old.Life)
	}
}

// cleanupKprobe is cleanup_kprobe(). It drops kprobe_lock.
func (d *rcuKprobes) cleanupKprobe(k *sim.K, p *Kprobe, flags int) {
	cleanupUnderLock(k, d.text, &d.table, p)
	k.SpinUnlockIRQRestore(&d.kprobeLock, flags)
	d.text.slots.freeInsnSlot(k, p.slot.Get(k)) // arch_remove_kprobe()
}

// cleanupUnderLock is cleanup_kprobe() up to where it drops kprobe_lock.
func cleanupUnderLock(k *sim.K, text *Text, t *table, p *Kprobe) {
	text.disarmText(k, p.Addr)
	t.list.Del(k, &p.hlist)
}

var _ = sim.Plumbing("cleanup_under_lock")

// cleanupAggrKprobe is cleanup_aggr_kprobe(). It drops kprobe_lock.
func (d *rcuKprobes) cleanupAggrKprobe(k *sim.K, old, p *Kprobe, flags int) {
	old.members.Del(k, &p.list)
	if old.members.Empty(k) {
		d.cleanupKprobe(k, old, flags)
	} else {
		k.SpinUnlockIRQRestore(&d.kprobeLock, flags)
	}
}

// KprobeHandler is kprobe_handler().
func (d *rcuKprobes) KprobeHandler(k *sim.K, addr Addr) (Trap, *Slot) {
	k.RCUReadLock()
	p := d.table.get(k, addr, false)
	if p == nil {
		k.RCUReadUnlock()
		return d.text.unknown(k, addr), nil
	}
	k.PreemptDisable()
	cpu := d.cpus.this(k)
	return cpu.trap(cpu.hit(k, p))
}

// PostKprobeHandler is post_kprobe_handler().
func (d *rcuKprobes) PostKprobeHandler(k *sim.K) {
	d.cpus.this(k).stepped(k)
	k.PreemptEnable()
	k.RCUReadUnlock()
}
