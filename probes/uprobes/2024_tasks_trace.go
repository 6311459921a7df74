package uprobes

import (
	"slices"

	"trapline/pagecache"
	"trapline/probes"
	"trapline/sim"
	"trapline/vm"
)

// TasksTrace is uprobes as they became in Linux 6.12 and 6.13, without locks where a
// program hits a probe. A task that has trapped is a reader of RCU tasks trace until its
// handlers have run; it looks the uprobe up without the lock of the tree, and takes no
// reference. The tree has none either: each consumer has one, and mmap takes one if there
// are any. The last one queues a work item, which takes the uprobe out of the tree and
// frees it after a grace period. unregister waits for one, too.
//
//	uprobe->register_rwsem   register and unregister at the same place
//	dup_mmap_sem             fork is a reader, register and unregister are writers
//	mm->mmap_sem             for writing, to change text
//	uprobes_mmap_mutex       one mmap of the file at a time (hashed)
//	uprobe->consumer_rwsem   the consumers, for those who change them and for mmap
//	uprobes_treelock         changes of the tree
//
// A lookup is one step here, so the seqcount that makes it look again has nothing to do
// and is in [LookupSeqcount] only. Left out are instruction slots, return probes (and with
// them the SRCU that their leases have), counters of users, and the lookup of areas without
// mmap_sem. So is what only spares work or reports: no_uprobe_events(), the look for a fatal
// signal in uprobe_mmap(), and the uprobe that is leaked, with a warning, when a breakpoint
// cannot be taken out again.
var TasksTrace = add(Design{
	Design: probes.Design{
		Name:  "2024-tasks-trace",
		Title: "as in 6.13: hits are readers of RCU tasks trace, and take no lock but mmap_sem",
		From:  "Linux 6.13, kernel/events/uprobes.c, commits 3f7f1a64da73, 8617408f7a01, cd7bdd9d46a9, cc01bd044e6a, 2bf8e5aceff8",
		Order: tasksTraceOrder,
		Fails: []probes.Failure{
			mremapForgets,
			mremapForgetsToo,
			mremapForgetsAgain,
			movedOffTheList,
		},
	},
	drawn: moved,
	New:   func(k *sim.K) Scheme { return newTasksTrace(k, tasksTraceRules{}) },
})

var tasksTraceOrder = []string{"uprobe->register_rwsem", "dup_mmap_sem", "mm->mmap_sem", "uprobes_mmap_mutex", "uprobe->consumer_rwsem", "uprobes_treelock"}

// tasksTraceRules is what was otherwise before or after.
type tasksTraceRules struct {
	// ordinary has unregister wait for an ordinary grace period; see [WrongFlavour].
	ordinary bool
	// unconditional takes a reference without a look whether there is one; see
	// [UnconditionalGet].
	unconditional bool
}

type tasksTrace struct {
	vm.NoHooks
	tasksTraceRules
	treelock   sim.SpinLock
	tree       sim.Object // written under treelock
	uprobes    []*tracedUprobe
	mmapMutex  sim.Mutex
	dupMmapSem sim.PercpuRWSem
	steps      tracedSteps
}

// tracedSteps are the functions that later designs, or those with a mistake, have in
// another form.
type tracedSteps struct {
	filterChain  func(k *sim.K, u *tracedUprobe, mm *vm.MM) bool
	setSwbp      func(k *sim.K, u *tracedUprobe, mm *vm.MM, vaddr uint64) error
	setOrigInsn  func(k *sim.K, u *tracedUprobe, mm *vm.MM, vaddr uint64) error
	findActive   func(k *sim.K, mm *vm.MM, addr uint64) (u *tracedUprobe, swbp bool)
	handlerChain func(k *sim.K, u *tracedUprobe, mm *vm.MM, vaddr uint64) (Trap, []byte)
	isUnstable   func(k *sim.K, mm *vm.MM) bool
	lastPut      func(k *sim.K, u *tracedUprobe)
	free         func(k *sim.K, u *tracedUprobe)
	synchronize  func(k *sim.K)
	// findUprobe is find_uprobe_rcu(), and turn has the tree change.
	findUprobe func(k *sim.K, inode *pagecache.Inode, offset int64) *tracedUprobe
	turn       func(k *sim.K, change func())
}

// tracedUprobe is struct uprobe.
type tracedUprobe struct {
	countedUprobe
	list   sim.Object // the consumers, for those who walk over them without a lock
	inTree bool       // !RB_EMPTY_NODE(&uprobe->rb_node); protected by treelock
	work   sim.Work
	rcu    sim.RCUHead
	// counter is ref_ctr_offset.
	counter int64
}

var (
	opRBFind      = sim.NewOp("rb_find_rcu(&%s)")
	opRBAdd       = sim.NewOp("rb_find_add_rcu(&%s)")
	opRBErase     = sim.NewOp("rb_erase(&%s)")
	opConsWalk    = sim.NewOp("list_for_each_entry_rcu(&%s)")
	opConsAdd     = sim.NewOp("list_add_rcu(&%s)")
	opConsDel     = sim.NewOp("list_del_rcu(&%s)")
	opFindUprobes = sim.NewOp("find_node_in_range(&%s)")
)

func newTasksTrace(k *sim.K, rules tasksTraceRules) *tasksTrace {
	d := &tasksTrace{tasksTraceRules: rules}
	k.SpinLockInit(&d.treelock, "uprobes_treelock")
	d.tree.Init(k, "uprobes_tree")
	k.MutexInit(&d.mmapMutex, "uprobes_mmap_mutex")
	k.PercpuInitRWSem(&d.dupMmapSem, "dup_mmap_sem")
	d.steps = tracedSteps{
		filterChain: d.filterChain,
		setSwbp:     func(k *sim.K, _ *tracedUprobe, mm *vm.MM, vaddr uint64) error { return setSwbp(k, mm, vaddr) },
		setOrigInsn: func(k *sim.K, u *tracedUprobe, mm *vm.MM, vaddr uint64) error {
			return setOrigInsn(k, mm, vaddr, u.arch.opcode(k))
		},
		findActive:   d.findActiveUprobeRCU,
		handlerChain: d.runHandlers,
		isUnstable:   func(*sim.K, *vm.MM) bool { return false },
		lastPut:      func(k *sim.K, u *tracedUprobe) { k.ScheduleWork(&u.work) },
		free:         d.callFree,
		synchronize:  (*sim.K).SynchronizeRCUTasksTrace,
		findUprobe:   d.findUprobeRCU,
		turn:         func(_ *sim.K, change func()) { change() },
	}
	if rules.ordinary {
		d.steps.synchronize = (*sim.K).SynchronizeRCU
	}
	return d
}

// at is the uprobe at a place, within a step on the tree.
func (d *tasksTrace) at(inode *pagecache.Inode, offset int64) *tracedUprobe {
	for _, u := range d.uprobes {
		if u.inode == inode && u.offset == offset {
			return u
		}
	}
	return nil
}

// tryGet is try_get_uprobe().
func (d *tasksTrace) tryGet(k *sim.K, u *tracedUprobe) bool {
	if d.unconditional {
		k.KrefGet(&u.ref)
		return true
	}
	return k.KrefGetUnlessZero(&u.ref)
}

// allocUprobe is alloc_uprobe() with insert_uprobe(): who finds an uprobe that nobody has
// a reference to any more takes it out of the tree in place of its work item.
func (d *tasksTrace) allocUprobe(k *sim.K, p *Probe) (*tracedUprobe, error) {
	u := &tracedUprobe{counter: p.Counter}
	u.countedUprobe.inode, u.countedUprobe.offset = p.Inode, p.Offset
	if err := k.Kzalloc(&u.Life, "uprobe", sim.GFPKernel); err != nil {
		return nil, err
	}
	u.countedUprobe.init(k)
	u.list.Init(k, "uprobe->consumers")
	u.list.In(&u.Life)
	k.InitWork(&u.work, "uprobe_free_deferred", func(k *sim.K) { d.uprobeFreeDeferred(k, u) })
	u.rcu.Init(k, "uprobe->rcu")

	k.SpinLock(&d.treelock)
	defer k.SpinUnlock(&d.treelock)
	k.Step(opRBAdd, &d.tree, sim.Write)
	if cur := d.at(p.Inode, p.Offset); cur != nil {
		if d.tryGet(k, cur) {
			k.Kfree(&u.Life)
			return cur, nil
		}
		d.erase(k, cur)
	}
	d.steps.turn(k, func() { d.uprobes = append(d.uprobes, u) })
	u.inTree = true
	return u, nil
}

// erase takes the uprobe out of the tree. The caller holds treelock.
func (d *tasksTrace) erase(k *sim.K, u *tracedUprobe) {
	k.Step(opRBErase, &d.tree, sim.Write)
	d.steps.turn(k, func() {
		d.uprobes = slices.DeleteFunc(d.uprobes, func(o *tracedUprobe) bool { return o == u })
	})
	u.inTree = false
}

// putUprobe is put_uprobe().
func (d *tasksTrace) putUprobe(k *sim.K, u *tracedUprobe) {
	k.KrefPut(&u.ref, func(k *sim.K) {
		if k == k.Machine().Setup() { // nobody would do the work
			d.uprobeFreeDeferred(k, u)
			return
		}
		d.steps.lastPut(k, u)
	})
}

// uprobeFreeDeferred is uprobe_free_deferred(): nobody has a reference.
func (d *tasksTrace) uprobeFreeDeferred(k *sim.K, u *tracedUprobe) {
	k.SpinLock(&d.treelock)
	if u.inTree {
		d.erase(k, u)
	}
	k.SpinUnlock(&d.treelock)
	d.steps.free(k, u)
}

// callFree frees the uprobe when nobody can be looking at it any more.
func (d *tasksTrace) callFree(k *sim.K, u *tracedUprobe) {
	if k == k.Machine().Setup() {
		k.Kfree(&u.Life)
		return
	}
	k.CallRCUTasksTrace(&u.rcu, func(k *sim.K) { k.Kfree(&u.Life) })
}

// RegisterUprobe is uprobe_register().
func (d *tasksTrace) RegisterUprobe(k *sim.K, p *Probe) error {
	u, err := d.allocUprobe(k, p)
	if err != nil {
		return err
	}
	k.DownWrite(&u.registerRwsem)
	// consumer_add()
	k.DownWrite(&u.consumerRwsem)
	k.Step(opConsAdd, &u.list, sim.Write)
	u.consumers = append([]*Probe{p}, u.consumers...)
	k.UpWrite(&u.consumerRwsem)
	err = d.registerForEachVMA(k, u, func(mm *vm.MM, vaddr uint64) error {
		if !p.wants(k, mm) {
			return nil
		}
		return ignoreDouble(d.installBreakpoint(k, u, mm, vaddr))
	})
	k.UpWrite(&u.registerRwsem)
	if err != nil {
		d.UnregisterUprobe(k, p)
	}
	return err
}

// registerForEachVMA is register_for_each_vma().
func (d *tasksTrace) registerForEachVMA(k *sim.K, u *tracedUprobe, f func(mm *vm.MM, vaddr uint64) error) error {
	k.PercpuDownWrite(&d.dupMmapSem)
	defer k.PercpuUpWrite(&d.dupMmapSem)
	return registerForEachVMA(k, &u.countedUprobe, true, func(mm *vm.MM, vaddr uint64) error {
		if d.steps.isUnstable(k, mm) {
			return nil
		}
		return f(mm, vaddr)
	})
}

// UnregisterUprobe is uprobe_unregister_nosync() and uprobe_unregister_sync(). The
// consumer has a reference, so its uprobe is there.
func (d *tasksTrace) UnregisterUprobe(k *sim.K, p *Probe) {
	k.Step(opRBFind, &d.tree, sim.Read)
	i := slices.IndexFunc(d.uprobes, func(u *tracedUprobe) bool { return slices.Contains(u.consumers, p) })
	if i < 0 {
		return
	}
	u := d.uprobes[i]
	k.DownWrite(&u.registerRwsem)
	// consumer_del()
	k.DownWrite(&u.consumerRwsem)
	k.Step(opConsDel, &u.list, sim.Write)
	u.consumers = slices.DeleteFunc(slices.Clone(u.consumers), func(o *Probe) bool { return o == p })
	k.UpWrite(&u.consumerRwsem)
	_ = d.registerForEachVMA(k, u, func(mm *vm.MM, vaddr uint64) error {
		if !d.steps.filterChain(k, u, mm) {
			_ = d.steps.setOrigInsn(k, u, mm, vaddr) // remove_breakpoint()
		}
		return nil
	})
	k.UpWrite(&u.registerRwsem)
	d.putUprobe(k, u)

	if k != k.Machine().Setup() { // where there are no readers
		d.steps.synchronize(k)
	}
}

// filterChain is filter_chain(): whether any consumer wants the process.
func (d *tasksTrace) filterChain(k *sim.K, u *tracedUprobe, mm *vm.MM) bool {
	k.DownRead(&u.consumerRwsem)
	defer k.UpRead(&u.consumerRwsem)
	k.Step(opConsWalk, &u.list, sim.Read)
	return slices.ContainsFunc(u.consumers, func(p *Probe) bool { return p.wants(k, mm) })
}

// installBreakpoint is install_breakpoint(). The caller holds mm->mmap_sem for writing.
func (d *tasksTrace) installBreakpoint(k *sim.K, u *tracedUprobe, mm *vm.MM, vaddr uint64) error {
	k.MutexLock(&u.copyMutex) // prepare_uprobe(), under a lock of its own here
	err := u.arch.prepare(k, u.inode, u.offset, true)
	k.MutexUnlock(&u.copyMutex)
	if err != nil {
		return err
	}
	return d.steps.setSwbp(k, u, mm, vaddr)
}

// Mmap is uprobe_mmap(). The caller holds mm->mmap_sem for writing. Errors are ignored.
func (d *tasksTrace) Mmap(k *sim.K, vma *vm.VMA) error {
	k.MutexLock(&d.mmapMutex)
	defer k.MutexUnlock(&d.mmapMutex)
	for _, u := range d.buildProbeList(k, vma) {
		if d.steps.filterChain(k, u, vma.MM) {
			vaddr, _ := u.vaddrIn(k, vma)
			_ = d.installBreakpoint(k, u, vma.MM, vaddr)
		}
		d.putUprobe(k, u)
	}
	return nil
}

// buildProbeList is build_probe_list(): the uprobes of what the area maps, each with a
// reference.
func (d *tasksTrace) buildProbeList(k *sim.K, vma *vm.VMA) []*tracedUprobe {
	k.SpinLock(&d.treelock)
	defer k.SpinUnlock(&d.treelock)
	k.Step(opFindUprobes, &d.tree, sim.Read)
	var list []*tracedUprobe
	for _, u := range slices.Clone(d.uprobes) {
		if _, mapped := u.vaddrIn(k, vma); u.inode == vma.Inode && mapped && d.tryGet(k, u) {
			list = append(list, u)
		}
	}
	return list
}

// StartDupMmap is uprobe_start_dup_mmap().
func (d *tasksTrace) StartDupMmap(k *sim.K) { k.PercpuDownRead(&d.dupMmapSem) }

// EndDupMmap is uprobe_end_dup_mmap().
func (d *tasksTrace) EndDupMmap(k *sim.K) { k.PercpuUpRead(&d.dupMmapSem) }

// Int3 is handle_swbp().
func (d *tasksTrace) Int3(k *sim.K, mm *vm.MM, addr uint64) (Trap, []byte) {
	k.RCUReadLockTrace()
	defer k.RCUReadUnlockTrace()
	u, swbp := d.steps.findActive(k, mm, addr)
	switch {
	case u == nil && swbp:
		return NotOurs, nil
	case u == nil || !u.arch.ready(k, true):
		return Restart, nil
	}
	return d.steps.handlerChain(k, u, mm, addr)
}

// runHandlers is handler_chain().
func (d *tasksTrace) runHandlers(k *sim.K, u *tracedUprobe, _ *vm.MM, _ uint64) (Trap, []byte) {
	k.Step(opConsWalk, &u.list, sim.Read)
	for _, p := range u.consumers {
		p.Handler(k)
	}
	return Handled, u.arch.step(k)
}

// findActiveUprobeRCU is find_active_uprobe_rcu(), its slow path: see
// [findActiveUprobe]. The uprobe comes without a reference.
func (d *tasksTrace) findActiveUprobeRCU(k *sim.K, mm *vm.MM, addr uint64) (u *tracedUprobe, swbp bool) {
	k.DownRead(&mm.MmapSem)
	defer k.UpRead(&mm.MmapSem)
	vma := vm.FindVMA(k, mm, addr)
	if vma == nil {
		return nil, false
	}
	if u = d.steps.findUprobe(k, vma.Inode, offsetIn(vma, addr)); u == nil {
		swbp, _ = isSwbpAtAddr(k, mm, addr)
	}
	return u, swbp
}

// findUprobeRCU is find_uprobe_rcu().
func (d *tasksTrace) findUprobeRCU(k *sim.K, inode *pagecache.Inode, offset int64) *tracedUprobe {
	k.Step(opRBFind, &d.tree, sim.Read)
	return d.at(inode, offset)
}

var _ = sim.Plumbing("at", "try_get", "erase", "run_handlers", "call_free", "turn", "find_uprobe_rcu")
