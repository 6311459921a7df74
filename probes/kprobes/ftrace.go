package kprobes

import "trapline/sim"

// Tracer is what a design with [Tracing] has besides.
type Tracer interface {
	Scheme
	// KprobeFtraceHandler is what ftrace calls at the entry of a function in whose
	// place its call is.
	KprobeFtraceHandler(k *sim.K, addr Addr)
	// FtraceRunUpdateCode is ftrace_run_update_code() for somebody else: a tracer is
	// switched on.
	FtraceRunUpdateCode(k *sim.K)
	// Filtered says whether ftrace has an address in its filter for kprobes when
	// nobody is at work. It is no step.
	Filtered(addr Addr) bool
}

// ftrace is ftrace as far as kprobes use it: one ftrace_ops with a filter, and the
// records of where calls may be, a page for each module.
type ftrace struct {
	lock   sim.Mutex // ftrace_lock
	data   sim.Data  // of the filter
	filter []Addr
	pages  sim.RCUHList[ftracePage]
}

// ftracePage is struct ftrace_page.
type ftracePage struct {
	life sim.Life
	node sim.RCUHNode[ftracePage]
	addr Addr
}

func (f *ftrace) init(k *sim.K) {
	k.MutexInit(&f.lock, "ftrace_lock")
	f.data.Init(k, "kprobe_ftrace_ops.func_hash")
	f.pages.Init(k, "ftrace_pages_start")
}

func (f *ftrace) at(a Addr) int {
	for i := range f.filter {
		if f.filter[i] == a {
			return i
		}
	}
	return -1
}

// Filtered is part of [Tracer].
func (d *today) Filtered(addr Addr) bool { return d.ftrace.at(addr) >= 0 }

// armKprobeFtrace is arm_kprobe_ftrace(). The caller holds kprobe_mutex.
func (d *today) armKprobeFtrace(k *sim.K, p *Kprobe) {
	d.former.ftraceRunUpdateCode(k, func(k *sim.K) {
		d.ftrace.data.Write(k)
		d.ftrace.filter = append(d.ftrace.filter, p.Addr)
		d.text.pokeText(k, p.Addr, Call)
		d.text.sync(k)
	})
}

// disarmKprobeFtrace is disarm_kprobe_ftrace(). The caller holds kprobe_mutex.
func (d *today) disarmKprobeFtrace(k *sim.K, p *Kprobe) (err error) {
	d.former.ftraceRunUpdateCode(k, func(k *sim.K) {
		d.ftrace.data.Write(k)
		i := d.ftrace.at(p.Addr)
		if i < 0 {
			err = sim.ENOENT
			return
		}
		d.ftrace.filter = append(d.ftrace.filter[:i:i], d.ftrace.filter[i+1:]...)
		d.text.pokeText(k, p.Addr, Own)
		d.text.sync(k)
	})
	k.WarnOn(err != nil, "Failed to disarm kprobe-ftrace at "+d.text.Name(p.Addr))
	return err
}

// FtraceRunUpdateCode is part of [Tracer].
func (d *today) FtraceRunUpdateCode(k *sim.K) { d.former.ftraceRunUpdateCode(k, func(*sim.K) {}) }

// ftraceRunUpdateCode is ftrace_run_update_code(): the text is patched with breakpoints, and
// no CPU is stopped for it.
func (d *today) ftraceRunUpdateCode(k *sim.K, change func(k *sim.K)) {
	k.MutexLock(&d.ftrace.lock)
	k.MutexLock(&d.textMutex) // ftrace_arch_code_modify_prepare()
	change(k)
	k.MutexUnlock(&d.textMutex)
	k.MutexUnlock(&d.ftrace.lock)
}

// KprobeFtraceHandler is kprobe_ftrace_handler().
func (d *today) KprobeFtraceHandler(k *sim.K, addr Addr) {
	k.PreemptDisable()
	defer k.PreemptEnable()
	if d.fprobeHandler(k, addr) {
		return
	}
	p := d.table.get(k, addr, false)
	if p == nil || p.isOff(k) {
		return
	}
	cpu := d.cpus.this(k)
	if cpu.current != nil {
		p.incNmissed(k)
		return
	}
	cpu.current = p
	p.eachEnabled(k, (*Kprobe).pre)
	if p.posts(k) {
		p.eachEnabled(k, (*Kprobe).after)
	}
	cpu.current = nil
}

// addPage is for a module that comes: ftrace knows where its functions begin. The
// caller holds ftrace_lock.
func (f *ftrace) addPage(k *sim.K, a Addr) error {
	page := &ftracePage{addr: a}
	if err := k.Kzalloc(&page.life, "ftrace_page", sim.GFPKernel); err != nil {
		return err
	}
	page.node.Init(k, "ftrace_page->next", page)
	page.node.In(&page.life)
	f.pages.AddHead(k, &page.node)
	return nil
}

// releaseMod is ftrace_release_mod(): a module is going.
func (d *today) releaseMod(k *sim.K, a Addr) {
	var found *ftracePage
	k.MutexLock(&d.ftrace.lock)
	for page := range d.ftrace.pages.All(k, true) {
		if page.addr == a {
			found = page
			d.ftrace.pages.Del(k, &page.node)
			break
		}
	}
	k.MutexUnlock(&d.ftrace.lock)
	if found != nil {
		k.SynchronizeRCU() // a lookup may be at it
		k.Kfree(&found.life)
	}
}

// ftraceLocation is ftrace_location(): whether there is a record for an address,
// which register_kprobe asks without any lock of ftrace's.
func (d *today) ftraceLocation(k *sim.K, a Addr) {
	k.RCUReadLock()
	d.lookupRec(k, a, false)
	k.RCUReadUnlock()
}

var opRecord = sim.NewOp("bsearch(%s)")

// lookupRec is lookup_rec().
func (d *today) lookupRec(k *sim.K, a Addr, raw bool) {
	for page := range d.ftrace.pages.All(k, raw) {
		k.Use(opRecord, &page.life)
		if page.addr == a {
			return
		}
	}
}
