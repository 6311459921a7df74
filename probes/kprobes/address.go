package kprobes

import "trapline/sim"

// AddressChecker is what a design with [Addresses] has besides.
type AddressChecker interface {
	Scheme
	// ModuleComing and ModuleGoing are told of the module whose function is at an
	// address.
	ModuleComing(k *sim.K, a Addr) error
	// ModuleGoing comes before the text of the module is freed.
	ModuleGoing(k *sim.K, a Addr)
	// KprobeFreeInitMem comes before the text is freed that only the start needs.
	KprobeFreeInitMem(k *sim.K)
	// ShowBlacklist is kprobe_blacklist in debugfs being read.
	ShowBlacklist(k *sim.K)
	// Filtered is that of [Tracer].
	Filtered(addr Addr) bool
}

// where is what there is to know of an address before it may be probed.
type where struct {
	kind   kind
	module sim.RCUPointer[sim.Module] // whose text it is, while that is listed
	life   *sim.Life                  // the memory that the text lies in, if it can be freed
}

// kind is what lies at an address.
type kind uint8

const (
	coreText   kind = iota
	moduleText      //
	noText          // text of a trampoline, or of a BPF program: it comes and goes unasked
	unmapped        //
	noKprobes       // core text that the exceptions themselves run through
	initText        // core text that is freed when the kernel has started
)

// InModule says that the function at a is a module's. It is for the setup.
func (t *Text) InModule(k *sim.K, a Addr, mod *sim.Module) {
	t.modules = true
	w := &t.insns[a].where
	w.kind, w.life = moduleText, mod.Memory()
	w.module.Init(k, t.Name(a)+": module", mod)
	t.insns[a].o.In(w.life)
}

// Unlist is the text of a module being taken off the list of modules:
// MODULE_STATE_UNFORMED.
func (t *Text) Unlist(k *sim.K, a Addr) { t.insns[a].where.module.Assign(k, nil) }

// InTrampoline says that a lies in text that its owner frees when he likes. It is for
// the setup.
func (t *Text) InTrampoline(a Addr, life *sim.Life) {
	t.insns[a].where.kind, t.insns[a].where.life = noText, life
	t.insns[a].o.In(life)
}

// InInitText says that a lies in the text that is freed when the kernel has started, and
// has a jump label. It is for the setup.
func (t *Text) InInitText(a Addr, life *sim.Life) {
	t.insns[a].where.kind, t.insns[a].where.life = initText, life
	t.insns[a].o.In(life)
}

// Vanished says that what was at a is nobody's any more: whatever it holds, it is no
// breakpoint that was left. It is for the end of a scenario.
func (t *Text) Vanished(a Addr) { t.insns[a].own = t.insns[a].b }

// Unmapped says that there is nothing at a. It is for the setup.
func (t *Text) Unmapped(a Addr) { t.insns[a].where.kind = unmapped }

// NoKprobe is NOKPROBE_SYMBOL(). It is for the setup.
func (t *Text) NoKprobe(a Addr) { t.insns[a].where.kind = noKprobes }

// adjustAddr is arch_adjust_kprobe_addr(): is there an ENDBR at the address? It looks
// with copy_from_kernel_nofault(), as nobody has looked at the address yet.
func (d *today) adjustAddr(_ *sim.K, a Addr) error {
	if d.text.insns[a].where.kind == unmapped {
		return sim.EFAULT
	}
	return nil
}

// checkProbe is check_kprobe_address_safe() with what it calls. The module that it
// returns, if any, must be put. Who holds kprobe_mutex must not call it.
func (d *today) checkProbe(k *sim.K, a Addr) (*sim.Module, error) {
	if d.text.modules {
		d.former.ftraceLocation(k, a)
	}
	k.MutexLock(&d.key.mutex) // jump_label_lock()
	defer k.MutexUnlock(&d.key.mutex)
	k.PreemptDisable()
	defer k.PreemptEnable()
	d.former.jumpLabelReserved(k, a)
	if d.former.withinBlacklist(a) {
		return nil, sim.EINVAL
	}
	return d.former.checkKprobeAddressSafe(k, a)
}

// withinBlacklist is within_kprobe_blacklist() for what is there from the start.
func (d *today) withinBlacklist(a Addr) bool { return d.text.insns[a].where.kind == noKprobes }

// checkKprobeAddressSafe is the heart of check_kprobe_address_safe(): only the text of the
// kernel and of modules, and a module that is going does not count. One look at the
// list of modules decides. Preemption is off.
func (d *today) checkKprobeAddressSafe(k *sim.K, a Addr) (*sim.Module, error) {
	w := &d.text.insns[a].where
	switch w.kind {
	case noText, unmapped:
		return nil, sim.EINVAL
	case moduleText:
	default:
		return nil, nil
	}
	mod := w.module.DereferenceSched(k)
	if mod == nil {
		return nil, sim.EINVAL
	}
	if !k.TryModuleGet(mod) {
		return nil, sim.ENOENT
	}
	return mod, nil
}

// jumpLabelReserved is jump_label_text_reserved(): does a jump label lie here? Those in
// the text that was freed after the start are passed over.
func (d *today) jumpLabelReserved(*sim.K, Addr) {}

// The blacklist, as far as modules add to it.
type blacklist struct{ entries sim.RCUHList[blacklisted] }

// blacklisted is struct kprobe_blacklist_entry.
type blacklisted struct {
	life sim.Life
	node sim.RCUHNode[blacklisted]
	addr Addr
}

func (b *blacklist) init(k *sim.K) { b.entries.Init(k, "kprobe_blacklist") }

// ModuleComing is part of [AddressChecker]: kprobes_module_callback() and
// ftrace_module_init(). The function at a has its entry in the blacklist, so that
// there is one, next to it.
func (d *today) ModuleComing(k *sim.K, a Addr) error {
	k.MutexLock(&d.kprobeMutex)
	e := &blacklisted{addr: a + 1}
	err := k.Kzalloc(&e.life, "kprobe_blacklist_entry", sim.GFPKernel)
	if err == nil {
		e.node.Init(k, "kprobe_blacklist_entry->list", e)
		e.node.In(&e.life)
		d.blacklist.entries.AddTail(k, &e.node)
	}
	k.MutexUnlock(&d.kprobeMutex)
	if err != nil {
		return err
	}
	k.MutexLock(&d.ftrace.lock)
	defer k.MutexUnlock(&d.ftrace.lock)
	return d.ftrace.addPage(k, a)
}

// ModuleGoing is part of [AddressChecker]: kprobes_module_callback() for a module that
// is going, and ftrace_release_mod().
func (d *today) ModuleGoing(k *sim.K, a Addr) {
	k.MutexLock(&d.kprobeMutex)
	if p := d.table.get(k, a, true); p != nil {
		d.killKprobe(k, p)
	}
	for e := range d.blacklist.entries.All(k, true) {
		if e.addr == a+1 {
			d.blacklist.entries.Del(k, &e.node)
			k.Kfree(&e.life)
			break
		}
	}
	k.MutexUnlock(&d.kprobeMutex)
	d.releaseMod(k, a)
}

// killKprobe is kill_kprobe(): the text of a probe is about to go, and is not touched
// any more. No text that goes is long enough for a jump, so kill_optimized_kprobe() has
// nothing to do. The caller holds kprobe_mutex.
func (d *today) killKprobe(k *sim.K, p *Kprobe) {
	d.former.killFtrace(k, p)
	p.set(k, gone)
	if p.manager {
		for member := range p.members.All(k, true) {
			member.set(k, gone)
		}
	}
	d.removeSlot(k, p)
}

// killFtrace has ftrace forget the address, while it knows the module.
func (d *today) killFtrace(k *sim.K, p *Kprobe) {
	if d.text.insns[p.Addr].traced && !p.off() && !d.allDisarmed {
		_ = d.disarmKprobeFtrace(k, p)
	}
}

// KprobeFreeInitMem is part of [AddressChecker].
func (d *today) KprobeFreeInitMem(k *sim.K) { d.former.kprobeFreeInitMem(k) }

// kprobeFreeInitMem is kprobe_free_init_mem(): the probes there are gone, too.
func (d *today) kprobeFreeInitMem(k *sim.K) {
	k.MutexLock(&d.kprobeMutex)
	for p := range d.table.list.All(k, true) {
		if d.text.insns[p.Addr].where.kind == initText {
			d.killKprobe(k, p)
		}
	}
	k.MutexUnlock(&d.kprobeMutex)
}

var opShow = sim.NewOp("seq_show(%s)")

// ShowBlacklist is part of [AddressChecker].
func (d *today) ShowBlacklist(k *sim.K) { d.former.showBlacklist(k) }

// showBlacklist is kprobe_blacklist_seq_start() to _stop(): it holds kprobe_mutex.
func (d *today) showBlacklist(k *sim.K) {
	k.MutexLock(&d.kprobeMutex)
	defer k.MutexUnlock(&d.kprobeMutex)
	d.kprobeBlacklistSeqShow(k)
}

// kprobeBlacklistSeqShow is kprobe_blacklist_seq_show() for each entry.
func (d *today) kprobeBlacklistSeqShow(k *sim.K) {
	for e := range d.blacklist.entries.All(k, true) {
		k.Use(opShow, &e.life)
	}
}
