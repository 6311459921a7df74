package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// Today is kprobes as of Linux 6.12. What has been added since 2008 lies beside this
// file: probes that become jumps (optimizer.go), probes where ftrace has its calls
// (ftrace.go), switching off and on (switch.go), the returns of functions
// (return.go), and where a probe may lie (address.go).
//
//	kprobe_mutex        the table, managers, flags, the optimizer's lists
//	cpu_hotplug_lock    no CPU comes or goes while text is changed; readers
//	jump_label_mutex    static keys, which are patched like everything else (key.go)
//	static_call_mutex   static calls (staticcall.go)
//	ftrace_lock         the filter of ftrace
//	text_mutex          the text
//
// The exceptions and handlers run with preemption off, and synchronize_rcu waits for
// that. It says nothing of when a CPU sees a changed byte; text_poke_sync does.
//
// Left out is what changes nothing that anybody could see here: an instruction that is
// boosted or emulated and so needs no second exception, and the revival of a manager that
// was marked gone, as no module comes back.
var Today = addModern(Design{
	Design: probes.Design{
		Name:  "2024-today",
		Title: "as in 6.12: text_mutex and text_poke_sync, optimised probes, ftrace, rethook, modules",
		From:  "Linux 6.12, kernel/kprobes.c, arch/x86/kernel/kprobes/, kernel/trace/{rethook,fprobe}.c",
		Order: todaysOrder,
	},
	Has: Breakpoints | Jumps | Tracing | Switching | Returns | Repeats | Exits | Addresses | Keys |
		Patching | EarlyPatching | Borrowing | Calls | Batches,
	New: func(k *sim.K, text *Text) Scheme { return newToday(k, text) },
})

var todaysOrder = []string{"kprobe_mutex", "cpu_hotplug_lock", "jump_label_mutex", "static_call_mutex", "ftrace_lock", "text_mutex", "kprobe_insn_mutex"}

// today is that, with what was another function at some time before: those designs
// put the older one in its place.
type today struct {
	text        *Text
	kprobeMutex sim.Mutex
	cpusLock    sim.PercpuRWSem
	textMutex   sim.Mutex
	table       table
	cpus        cpus

	optimizer optimizer
	ftrace    ftrace
	blacklist blacklist
	returns   returns
	key       key
	patching  patching
	tlbs      []*tlb // by CPU

	staticCallMutex sim.Mutex

	allDisarmed bool // kprobes_all_disarmed, under kprobe_mutex

	former former
}

// former are the functions that one of the designs has in an older form.
type former struct {
	syncAfterArm           func(k *sim.K)
	kprobeOptimizer        func(k *sim.K)
	unoptimized            func(k *sim.K, ap *Kprobe, rest Byte)
	jumpIsThere            func(ap *Kprobe) bool
	inTheWay               func(other *Kprobe) bool
	stayOptimized          func(k *sim.K, p *Kprobe)
	unoptimizeQueued       func(k *sim.K, p *Kprobe)
	doUnoptimizeKprobes    func(k *sim.K)
	kprobeFreeInitMem      func(k *sim.K)
	optimizedCallback      func(k *sim.K, ap *Kprobe)
	ftraceRunUpdateCode    func(k *sim.K, change func(k *sim.K))
	killFtrace             func(k *sim.K, p *Kprobe)
	ftraceLocation         func(k *sim.K, a Addr)
	disarmable             func(ap *Kprobe) bool
	checkKprobeAddressSafe func(k *sim.K, a Addr) (*sim.Module, error)
	adjustAddr             func(k *sim.K, a Addr) error
	jumpLabelReserved      func(k *sim.K, a Addr)
	withinBlacklist        func(a Addr) bool
	showBlacklist          func(k *sim.K)
	preHandlerKretprobe    func(k *sim.K, rp *Kretprobe)
	flushTask              func(k *sim.K)
	handlerOf              func(k *sim.K, rh *rethook) *Kretprobe
	stopReturns            func(k *sim.K, rh *rethook)
	unregisterFprobe       func(k *sim.K, fp *Fprobe)
	staticKeySlowInc       func(k *sim.K)
	staticKeySlowDec       func(k *sim.K)
	lastDec                func(k *sim.K)
	slowIncCpuslocked      func(k *sim.K)
	slowDecCpuslocked      func(k *sim.K)
	staticKeyEnable        func(k *sim.K)
	staticKeyDisable       func(k *sim.K)
	textPokeBpBatch        func(k *sim.K, tp *textPokeLoc)
	pokeInt3Handler        func(k *sim.K, a Addr) bool
	textPokeEarly          func(k *sim.K, a Addr, b Byte)
	optimizeNops           func(k *sim.K, a Addr)
	useTemporaryMm         func(k *sim.K, t *tlb) *Mm
	hasMods                func(key *StaticCall) bool
}

func newToday(k *sim.K, text *Text) *today {
	d := &today{text: text}
	k.MutexInit(&d.kprobeMutex, "kprobe_mutex")
	k.PercpuInitRWSem(&d.cpusLock, "cpu_hotplug_lock")
	k.MutexInit(&d.textMutex, "text_mutex")
	d.table.list.Init(k, "kprobe_table")
	d.optimizer.init(k, d)
	d.ftrace.init(k)
	d.blacklist.init(k)
	d.returns.init(k)
	d.initKey(k)
	d.patching.init(k)
	k.MutexInit(&d.staticCallMutex, "static_call_mutex")
	d.former = former{
		syncAfterArm:           text.sync,
		kprobeOptimizer:        d.kprobeOptimizer,
		unoptimized:            d.unoptimized,
		jumpIsThere:            jumpIsThere,
		inTheWay:               inTheWay,
		stayOptimized:          d.stayOptimized,
		unoptimizeQueued:       d.unoptimizeQueued,
		doUnoptimizeKprobes:    d.doUnoptimizeKprobes,
		kprobeFreeInitMem:      d.kprobeFreeInitMem,
		optimizedCallback:      d.optimizedCallback,
		ftraceRunUpdateCode:    d.ftraceRunUpdateCode,
		killFtrace:             d.killFtrace,
		ftraceLocation:         d.ftraceLocation,
		disarmable:             d.disarmable,
		checkKprobeAddressSafe: d.checkKprobeAddressSafe,
		adjustAddr:             d.adjustAddr,
		jumpLabelReserved:      d.jumpLabelReserved,
		withinBlacklist:        d.withinBlacklist,
		showBlacklist:          d.showBlacklist,
		preHandlerKretprobe:    d.preHandlerKretprobe,
		flushTask:              func(*sim.K) {},
		handlerOf:              handlerOf,
		stopReturns:            stopReturns,
		unregisterFprobe:       d.unregisterFprobe,
		staticKeySlowInc:       d.staticKeySlowInc,
		staticKeySlowDec:       d.staticKeySlowDec,
		lastDec:                d.lastDec,
		slowIncCpuslocked:      d.slowIncCpuslocked,
		slowDecCpuslocked:      d.slowDecCpuslocked,
		staticKeyEnable:        d.staticKeyEnable,
		staticKeyDisable:       d.staticKeyDisable,
		textPokeBpBatch:        d.textPokeBpBatch,
		pokeInt3Handler:        d.pokeInt3Handler,
		textPokeEarly:          d.textPokeEarly,
		optimizeNops:           d.optimizeNops,
		useTemporaryMm:         d.useTemporaryMm,
		hasMods:                staticCallKeyHasMods,
	}
	return d
}

// RegisterKprobe is register_kprobe().
func (d *today) RegisterKprobe(k *sim.K, p *Kprobe) error {
	if err := d.former.adjustAddr(k, p.Addr); err != nil {
		return err
	}
	if d.isRegistered(k, p) {
		return sim.EINVAL
	}
	p.initFlags(k, 0)
	if p.Disabled {
		p.state = disabled
		p.initFlags(k, disabled)
	}
	mod, err := d.checkProbe(k, p.Addr)
	if err != nil {
		return err
	}
	if mod != nil {
		defer k.ModulePut(mod)
	}
	k.MutexLock(&d.kprobeMutex)
	defer k.MutexUnlock(&d.kprobeMutex)
	if old := d.table.get(k, p.Addr, true); old != nil {
		return d.registerAggrKprobe(k, old, p)
	}
	if err := d.prepareKprobe(k, p); err != nil {
		return err
	}
	d.table.list.AddHead(k, &p.hlist)
	if !d.allDisarmed && !p.off() {
		d.armKprobe(k, p)
	}
	d.tryToOptimize(k, p)
	return nil
}

// prepareKprobe is prepare_kprobe(): a slot with a copy of the instruction, unless
// ftrace calls us. The caller holds kprobe_mutex.
func (d *today) prepareKprobe(k *sim.K, p *Kprobe) error {
	if d.text.insns[p.Addr].traced {
		return nil
	}
	k.PercpuDownRead(&d.cpusLock)
	defer k.PercpuUpRead(&d.cpusLock)
	k.MutexLock(&d.textMutex)
	defer k.MutexUnlock(&d.textMutex)
	insn := d.recoverProbedInstruction(k, p.Addr)
	if !d.text.slots.archPrepareKprobe(k, p) {
		return sim.ENOMEM
	}
	p.slot.Get(k).copyInsn(k, insn)
	return nil
}

// registerAggrKprobe is register_aggr_kprobe(). The caller holds kprobe_mutex.
func (d *today) registerAggrKprobe(k *sim.K, old, p *Kprobe) error {
	ap, err := d.joinAggrKprobe(k, old, p)
	if err != nil {
		return err
	}
	if ap.state&disabled != 0 && !p.off() {
		ap.clear(k, disabled)
		if !d.allDisarmed {
			d.armKprobe(k, ap)
		}
	}
	return nil
}

// joinAggrKprobe is what it does with the text locked: it returns the manager. The caller
// holds kprobe_mutex.
func (d *today) joinAggrKprobe(k *sim.K, old, p *Kprobe) (ap *Kprobe, err error) {
	k.PercpuDownRead(&d.cpusLock)
	defer k.PercpuUpRead(&d.cpusLock)
	k.MutexLock(&d.key.mutex) // jump_label_lock()
	defer k.MutexUnlock(&d.key.mutex)
	k.MutexLock(&d.textMutex)
	defer k.MutexUnlock(&d.textMutex)
	ap = old
	switch {
	case !old.isManager(k):
		if ap, err = d.initAggrKprobe(k, old); err != nil {
			return nil, err
		}
	case old.unused(k):
		d.reuseUnusedKprobe(k, ap)
	}
	p.slot.Set(k, ap.slot.Get(k)) // copy_kprobe()
	if p.PostHandler != nil {
		d.unoptimizeKprobe(k, ap, true) // a jump has no place for it
	}
	return ap, ap.addNewKprobe(k, p)
}

var _ = sim.Plumbing("join_aggr_kprobe")

// initAggrKprobe is alloc_aggr_kprobe() and init_aggr_kprobe(): a manager takes the
// place of a probe. The caller holds kprobe_mutex.
func (d *today) initAggrKprobe(k *sim.K, p *Kprobe) (*Kprobe, error) {
	ap, err := newManager(k, p.Addr, sim.GFPKernel, as2618)
	if err != nil {
		return nil, err
	}
	ap.slot.Set(k, p.slot.Get(k))
	ap.initFlags(k, p.state)
	ap.takePostHandler(k, p)
	ap.members.AddHead(k, &p.list)
	d.table.list.Replace(k, &p.hlist, &ap.hlist)
	return ap, nil
}

// armKprobe is arm_kprobe(). The caller holds kprobe_mutex.
func (d *today) armKprobe(k *sim.K, p *Kprobe) {
	if d.text.insns[p.Addr].traced {
		d.armKprobeFtrace(k, p)
		return
	}
	k.PercpuDownRead(&d.cpusLock)
	k.MutexLock(&d.textMutex)
	if other := d.getOptimizedKprobe(k, p.Addr); other != nil {
		d.unoptimizeKprobe(k, other, true) // a jump lies over the instruction
	}
	d.text.armText(k, p.Addr)
	d.former.syncAfterArm(k)
	d.optimizeKprobe(k, p)
	k.MutexUnlock(&d.textMutex)
	k.PercpuUpRead(&d.cpusLock)
}

// disarmKprobe is disarm_kprobe(). The caller holds kprobe_mutex.
func (d *today) disarmKprobe(k *sim.K, p *Kprobe) error {
	if d.text.insns[p.Addr].traced {
		return d.disarmKprobeFtrace(k, p)
	}
	k.PercpuDownRead(&d.cpusLock)
	defer k.PercpuUpRead(&d.cpusLock)
	k.MutexLock(&d.textMutex)
	defer k.MutexUnlock(&d.textMutex)
	d.unoptimizeKprobe(k, p, false)
	if p.queue == none {
		d.text.disarmText(k, p.Addr)
		d.former.syncAfterArm(k)
	}
	return nil
}

// UnregisterKprobe is unregister_kprobe().
func (d *today) UnregisterKprobe(k *sim.K, p *Kprobe) { d.UnregisterKprobes(k, p) }

// unregisterTop is __unregister_kprobe_top(). The caller holds kprobe_mutex.
func (d *today) unregisterTop(k *sim.K, p *Kprobe) (leaving, bool) {
	ap, err := d.disable(k, p)
	if err != nil {
		return leaving{}, false
	}
	last := ap == p
	switch {
	case last:
		d.table.list.Del(k, &p.hlist)
	case ap.singular(k) && ap.disarmed():
		last = true
		d.table.list.Del(k, &ap.hlist)
	default:
		// If it was the last one, the manager waits for the optimizer, who frees it.
		ap.dropPostHandler(k, p)
		ap.members.Del(k, &p.list)
		if !ap.off() && !d.allDisarmed {
			d.optimizeKprobe(k, ap)
		}
	}
	return leaving{p, ap, last}, true
}

// unregisterBottom is __unregister_kprobe_bottom().
func (d *today) unregisterBottom(k *sim.K, l leaving) {
	if !l.last {
		return
	}
	if l.old != l.p {
		l.old.members.Del(k, &l.p.list)
		k.Kfree(&l.old.Life)
	}
	d.removeSlot(k, l.p)
}

// removeSlot is arch_remove_kprobe().
func (d *today) removeSlot(k *sim.K, p *Kprobe) {
	if slot := p.slot.Get(k); slot != nil {
		d.text.slots.freeInsnSlot(k, slot)
		p.slot.Set(k, nil)
	}
}

// KprobeHandler is kprobe_int3_handler().
func (d *today) KprobeHandler(k *sim.K, addr Addr) (Trap, *Slot) {
	k.PreemptDisable()
	p := d.table.get(k, addr, false)
	if p == nil {
		k.PreemptEnable()
		return d.text.unknown(k, addr), nil
	}
	cpu := d.cpus.this(k)
	outer := cpu.current == nil
	slot := cpu.hitEnabled(k, p)
	// setup_detour_execution()
	if p.manager && p.flags.Read(k)&optimized != 0 {
		d.stepDetour(k, p)
		if outer {
			cpu.current = nil
		} else {
			cpu.stepped(k)
		}
		k.PreemptEnable()
		return Detour, nil
	}
	return Handled, slot
}

// PostKprobeHandler is what the second breakpoint, behind the copy, calls.
func (d *today) PostKprobeHandler(k *sim.K) {
	d.cpus.this(k).steppedEnabled(k)
	k.PreemptEnable()
}
