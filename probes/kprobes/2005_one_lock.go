package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// OneLock is what the patch of 2005 replaced, kprobes in Linux 2.6.14: a CPU that
// hits a probe takes kprobe_lock in the int3 exception and keeps it until it has
// stepped the instruction, so that one probe at a time is handled in the whole
// machine, and none while one is registered or unregistered. A CPU that has the lock
// already (kprobe_cpu) is in a handler, and only counts.
//
//	kprobe_lock  the table, the lists of managers, and every hit
var OneLock = add(Design{
	Design: probes.Design{
		Name:  "2005-one-lock",
		Title: "before the patch: one spinlock from the breakpoint to the end of the step",
		From:  "Linux 2.6.14, kernel/kprobes.c, and the lines that the patch of October 2005 removes",
		Order: []string{"kprobe_insn_mutex", "kprobe_lock"},
		Fails: []probes.Failure{
			lostSlot, countedElsewhere,
			{
				Scenario: "task-ends-under-a-kretprobe",
				Title:    "possible deadlock in kprobe_handler",
				Why:      "the end of a task runs into a probe with kprobe_lock held, without being the owner that kprobe_cpu tells of",
			},
			{
				Scenario: "function-called-by-an-nmi",
				Title:    "inconsistent lock state in kprobe_handler",
				Why:      "an NMI that hits a probe takes kprobe_lock, which the CPU that it came to may hold",
			},
			notSeen, comesBack, lostSlotAgain, slotOfAnother,
			{
				Scenario: "stranger-unregisters",
				Title:    "BUG: unable to handle kernel paging request in cleanup_aggr_kprobe",
				Why:      "a probe that is not registered is taken off the list of the manager at its address, on which it is not",
			},
		},
	},
	Has: Breakpoints | Entries | Returns,
	New: func(k *sim.K, text *Text) Scheme {
		d := &oneLock{text: text}
		k.SpinLockInit(&d.kprobeLock, "kprobe_lock")
		d.table.list.Init(k, "kprobe_table")
		d.instances = instances{lock: &d.kprobeLock, held: true, early: true, scheme: d, cpus: &d.cpus, text: text}
		d.instances.init(k)
		return d
	},
})

type oneLock struct {
	text       *Text
	kprobeLock sim.SpinLock
	table      table
	cpus       cpus
	instances
}

// RegisterKprobe is register_kprobe().
func (d *oneLock) RegisterKprobe(k *sim.K, p *Kprobe) error {
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

// UnregisterKprobe is unregister_kprobe().
func (d *oneLock) UnregisterKprobe(k *sim.K, p *Kprobe) {
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
}

// cleanupKprobe is cleanup_kprobe(). It drops kprobe_lock.
func (d *oneLock) cleanupKprobe(k *sim.K, p *Kprobe, flags int) {
	cleanupUnderLock(k, d.text, &d.table, p)
	k.SpinUnlockIRQRestore(&d.kprobeLock, flags)
	d.text.slots.freeInsnSlot(k, p.slot.Get(k)) // arch_remove_kprobe()
}

// cleanupAggrKprobe is cleanup_aggr_kprobe(). It drops kprobe_lock. Nobody else is
// anywhere near a probe, so what is taken out may be freed at once.
func (d *oneLock) cleanupAggrKprobe(k *sim.K, old, p *Kprobe, flags int) {
	old.members.Del(k, &p.list)
	if old.members.Empty(k) {
		d.cleanupKprobe(k, old, flags)
		k.Kfree(&old.Life)
	} else {
		k.SpinUnlockIRQRestore(&d.kprobeLock, flags)
	}
}

// KprobeHandler is kprobe_handler() of the i386 and x86_64 of that time.
func (d *oneLock) KprobeHandler(k *sim.K, addr Addr) (Trap, *Slot) {
	cpu := d.cpus.this(k)
	outer := cpu.current == nil
	if outer {
		k.SpinLock(&d.kprobeLock) // lock_kprobes()
	}
	p := d.table.get(k, addr, true)
	if p == nil {
		if outer {
			k.SpinUnlock(&d.kprobeLock)
		}
		return d.text.unknown(k, addr), nil
	}
	return cpu.trap(cpu.hit(k, p))
}

// PostKprobeHandler is post_kprobe_handler().
func (d *oneLock) PostKprobeHandler(k *sim.K) {
	cpu := d.cpus.this(k)
	cpu.stepped(k)
	if cpu.current == nil {
		k.SpinUnlock(&d.kprobeLock) // unlock_kprobes()
	}
}
