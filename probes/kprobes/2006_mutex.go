package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// Mutex is what the patch of 2005 had become by Linux 2.6.16: kprobe_mutex in place
// of the spinlock, so that memory may be waited for; a manager takes the place of a
// probe at one go; whether a remover is the last one is decided under the mutex, and
// the last one alone frees; slots are given back after the grace period; and a probe
// that is not registered is left alone.
//
//	kprobe_mutex    updates of the table and of managers
//	kretprobe_lock  the instances of kretprobes; a spinlock, taken with interrupts off
//
// The exceptions are protected by preemption, and by nothing that RCU calls a reader.
var Mutex = add(Design{
	Design: probes.Design{
		Name:  "2006-mutex",
		Title: "as in 2.6.16: a mutex, one-step replacement, one remover frees",
		From:  "Linux 2.6.16, kernel/kprobes.c, commits 49a2a1b83ba6 and 0498b63504f8",
		Order: mutexOrder,
		Fails: []probes.Failure{notSeen, comesBack, flushed, lockedInNMI},
	},
	Has: Breakpoints | Entries | Returns,
	New: func(k *sim.K, text *Text) Scheme { return newMutexKprobes(k, text, as2616) },
})

var mutexOrder = []string{"kprobe_mutex", "kprobe_insn_mutex"}

type mutexKprobes struct {
	text        *Text
	kprobeMutex sim.Mutex
	table       table
	cpus        cpus
	era         era

	kretprobeLock sim.SpinLock
	instances
}

func newMutexKprobes(k *sim.K, text *Text, as era) *mutexKprobes {
	d := &mutexKprobes{text: text, era: as}
	k.MutexInit(&d.kprobeMutex, "kprobe_mutex")
	d.table.list.Init(k, "kprobe_table")
	k.SpinLockInit(&d.kretprobeLock, "kretprobe_lock")
	d.instances = instances{lock: &d.kretprobeLock, scheme: d, cpus: &d.cpus, text: text}
	d.instances.init(k)
	return d
}

// RegisterKprobe is register_kprobe().
func (d *mutexKprobes) RegisterKprobe(k *sim.K, p *Kprobe) error {
	k.MutexLock(&d.kprobeMutex)
	defer k.MutexUnlock(&d.kprobeMutex)
	if old := d.table.get(k, p.Addr, true); old != nil {
		return d.registerAggrKprobe(k, old, p)
	}
	if !d.text.slots.archPrepareKprobe(k, p) {
		return sim.ENOMEM
	}
	p.slot.Get(k).copyInsn(k, p.Addr)
	d.table.list.AddHead(k, &p.hlist)
	d.text.armText(k, p.Addr)
	return nil
}

// registerAggrKprobe is register_aggr_kprobe(). The caller holds kprobe_mutex.
func (d *mutexKprobes) registerAggrKprobe(k *sim.K, old, p *Kprobe) error {
	ap := old
	if !old.isManager(k) {
		var err error
		if ap, err = newManager(k, p.Addr, sim.GFPKernel, d.era); err != nil {
			return err
		}
		// add_aggr_kprobe()
		ap.slot.Set(k, old.slot.Get(k)) // copy_kprobe()
		ap.takePostHandler(k, old)
		ap.takeBreakHandler(k, old)
		ap.members.AddHead(k, &old.list)
		d.table.list.Replace(k, &old.hlist, &ap.hlist)
	}
	p.slot.Set(k, ap.slot.Get(k)) // copy_kprobe()
	return ap.addNewKprobe(k, p)
}

// singular is list_is_singular() of the list of a manager. The caller holds
// kprobe_mutex.
func (p *Kprobe) singular(k *sim.K) bool {
	n := 0
	for range p.members.All(k, true) {
		n++
	}
	return n == 1
}

// UnregisterKprobe is unregister_kprobe().
func (d *mutexKprobes) UnregisterKprobe(k *sim.K, p *Kprobe) {
	k.MutexLock(&d.kprobeMutex)
	l, ok := d.takeOut(k, p, func(*sim.K, *Kprobe) {})
	k.MutexUnlock(&d.kprobeMutex)
	if ok {
		k.SynchronizeSched()
		d.unregisterBottom(k, l)
	}
}

// takeOut is what unregister_kprobe() does before the grace period. It calls tidy for a
// manager that stays. The caller holds kprobe_mutex.
func (d *mutexKprobes) takeOut(k *sim.K, p *Kprobe, tidy func(k *sim.K, old *Kprobe)) (leaving, bool) {
	old := d.table.valid(k, p)
	if old == nil {
		return leaving{}, false
	}
	last := old == p || old.singular(k)
	if last {
		// Only this probe is left.
		d.text.disarmText(k, p.Addr)
		d.table.list.Del(k, &old.hlist)
	} else {
		tidy(k, old)
		old.members.Del(k, &p.list)
	}
	return leaving{p, old, last}, true
}

var _ = sim.Plumbing("take_out")

// unregisterBottom is what it does after that.
func (d *mutexKprobes) unregisterBottom(k *sim.K, l leaving) {
	if !l.last {
		return
	}
	if l.old != l.p {
		l.old.members.Del(k, &l.p.list)
		k.Kfree(&l.old.Life)
	}
	d.text.slots.freeInsnSlot(k, l.p.slot.Get(k)) // arch_remove_kprobe()
}

// KprobeHandler is kprobe_handler().
func (d *mutexKprobes) KprobeHandler(k *sim.K, addr Addr) (Trap, *Slot) {
	k.PreemptDisable()
	p := d.table.get(k, addr, false)
	if p == nil {
		k.PreemptEnable()
		return d.text.unknown(k, addr), nil
	}
	cpu := d.cpus.this(k)
	return cpu.trap(cpu.hit(k, p))
}

// PostKprobeHandler is post_kprobe_handler().
func (d *mutexKprobes) PostKprobeHandler(k *sim.K) {
	d.cpus.this(k).stepped(k)
	k.PreemptEnable()
}
