package kprobes

import "trapline/sim"

// Kprobe is struct kprobe. It lies in memory of the user's, who may free it once the
// probe is unregistered; a manager of several probes lies in memory of the design's.
type Kprobe struct {
	// Life is the memory that the probe lies in.
	Life sim.Life
	// Addr is where it goes.
	Addr Addr
	// PreHandler is called before the instruction, PostHandler after it, each if it
	// is not nil. They run with interrupts off and must not sleep.
	PreHandler, PostHandler func(k *sim.K)
	// Disabled asks for a probe that is registered but not armed:
	// KPROBE_FLAG_DISABLED. Designs without that take no notice.
	Disabled bool

	name  string
	hlist sim.RCUHNode[Kprobe] // in kprobe_table
	list  sim.RCUHNode[Kprobe] // in the list of a manager
	slot  sim.Cell[*Slot]      // ainsn.insn

	manager bool                 // pre_handler == aggr_pre_handler
	members sim.RCUHList[Kprobe] // of a manager: the probes of its address
	era     era                  // of a manager
	post    sim.Word[bool]       // of a manager: post_handler is set
	breaks  sim.Word[bool]       // of a manager: break_handler is set
	entry   bool                 // it is a jprobe, with a break_handler

	// nmissed is by task, so that no increment is lost. That register_kprobe() sets it
	// to 0 is left out: nobody looks at more than differences.
	nmissed []int

	// What came with later kernels. state are the flags as those know them who hold
	// kprobe_mutex, flags is where others look.
	flags sim.Word[flags]
	state flags
	queue queue // op->list: on which of the optimizer's lists a manager is
}

// era is how managers were at a time.
type era uint8

const (
	// as2614 is up to 2.6.15: a manager has all handlers, whether one of its probes has
	// them or not, and a hit that is missed is counted in the manager.
	as2614 era = iota
	// as2616 is from 2.6.16 on: it is counted in each of the probes.
	as2616
	// as2618 is from 2.6.18 on: a manager has a post_handler, or a break_handler, if one
	// of its probes has one, as each costs an exception.
	as2618
)

// InitKprobe prepares a probe, whose memory has begun its life, for the first
// registration.
func InitKprobe(k *sim.K, p *Kprobe, name string, a Addr) {
	p.name, p.Addr = name, a
	p.hlist.Init(k, name+"->hlist", p)
	p.hlist.In(&p.Life)
	p.list.Init(k, name+"->list", p)
	p.list.In(&p.Life)
	p.slot.Init(k, name+"->ainsn.insn")
}

// Name is the name of the probe.
func (p *Kprobe) Name() string { return p.name }

// Nmissed is p->nmissed: how many hits of a task did not reach the handlers. It is
// no step.
func (p *Kprobe) Nmissed(k *sim.K) int {
	if int(k.ID()) >= len(p.nmissed) {
		return 0
	}
	return p.nmissed[k.ID()]
}

// incNmissed is kprobes_inc_nmissed_count(), which up to 2.6.15 was p->nmissed++.
func (p *Kprobe) incNmissed(k *sim.K) {
	if p.manager && p.era == as2614 {
		p.missed(k)
		return
	}
	p.each(k, func(p *Kprobe) { p.missed(k) })
}

func (p *Kprobe) missed(k *sim.K) {
	for int(k.ID()) >= len(p.nmissed) {
		p.nmissed = append(p.nmissed, 0)
	}
	p.nmissed[k.ID()]++
}

var opPreHandler = sim.NewOp("READ_ONCE(%s->pre_handler)")

// isManager is p->pre_handler == aggr_pre_handler.
func (p *Kprobe) isManager(k *sim.K) bool {
	k.Use(opPreHandler, &p.Life)
	return p.manager
}

// each calls f for the probe, or for each probe of a manager. The caller is an
// exception, which every kind of updater waits for, or holds the lock of the table.
func (p *Kprobe) each(k *sim.K, f func(p *Kprobe)) {
	if !p.isManager(k) {
		f(p)
		return
	}
	for member := range p.members.All(k, false) {
		f(member)
	}
}

// newManager is the allocation of an aggregate kprobe for an address, with
// kcalloc().
func newManager(k *sim.K, a Addr, gfp sim.GFP, as era) (*Kprobe, error) {
	ap := &Kprobe{Addr: a, manager: true, era: as}
	if err := k.Kzalloc(&ap.Life, "aggregate kprobe", gfp); err != nil {
		return nil, err
	}
	ap.name = "ap"
	ap.hlist.Init(k, "ap->hlist", ap)
	ap.hlist.In(&ap.Life)
	ap.members.Init(k, "ap->list")
	ap.post.Init(k, "ap->post_handler", false)
	ap.post.In(&ap.Life)
	ap.breaks.Init(k, "ap->break_handler", false)
	ap.breaks.In(&ap.Life)
	ap.slot.Init(k, "ap->ainsn.insn")
	ap.initFlags(k, 0)
	return ap, nil
}

// table is kprobe_table, of one bucket: hashing is left out.
type table struct{ list sim.RCUHList[Kprobe] }

// get is get_kprobe(): the probe at an address, or its manager. held says that the
// caller holds the lock of the table; otherwise it must be some kind of reader.
func (t *table) get(k *sim.K, a Addr, held bool) *Kprobe {
	for p := range t.list.All(k, held) {
		if p.Addr == a {
			return p
		}
	}
	return nil
}

// valid is the probe or the manager in the table under which p is registered, nil if
// it is not: __get_valid_kprobe(). The caller holds the lock of the table.
func (t *table) valid(k *sim.K, p *Kprobe) *Kprobe {
	old := t.get(k, p.Addr, true)
	if old == nil || old == p {
		return old
	}
	if old.isManager(k) {
		for member := range old.members.All(k, true) {
			if member == p {
				return old
			}
		}
	}
	return nil
}

// dropPostHandler takes the post_handler off a manager if p was the only probe that
// had one. The caller holds kprobe_mutex.
func (ap *Kprobe) dropPostHandler(k *sim.K, p *Kprobe) { //nolint:revive // two probes, with their names in the kernel
	if p.PostHandler == nil {
		return
	}
	for member := range ap.members.All(k, true) {
		if member != p && member.PostHandler != nil {
			return
		}
	}
	ap.post.Write(k, false)
}
