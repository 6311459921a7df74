package uprobes

import (
	"slices"

	"trapline/probes"
	"trapline/sim"
	"trapline/vm"
)

// Today is uprobes as of Linux 6.18: [SkipMoved] with all that it leaves out, which lies
// beside this file: the slots in which instructions are stepped (xol.go), return probes
// and their leases (return.go, fork.go), counters in the program (counter.go), and calls
// in place of breakpoints (call.go).
//
//	delayed_uprobe_lock   changes of counters that are not mapped yet
//	uretprobes_srcu       calls of probed functions hold leases on their uprobes
//
// A trap finds its area without mmap_sem, if nobody changes areas meanwhile. A flag of
// each address space says whether there can be breakpoints in it at all; it may say so for
// longer than that is true.
var Today = add(Design{
	Design: probes.Design{
		Name:  "2025-today",
		Title: "as in 6.18: leases, sessions, filters, counters, slots, lookup without locks, calls",
		From:  "Linux 6.18, kernel/events/uprobes.c, arch/x86/kernel/uprobes.c; commits dd1a7567784e, 4d756095d399, e0925f2dc4de",
		Order: todaysOrder,
		Fails: append([]probes.Failure{leaseLost, movedUnseen, movedOffTheList}, callsOfToday...),
	},
	Has:   Breakpoints | Filters | Counters | Slots | Returns | Calls | FailedForks | Collapses | Locked,
	drawn: movedMeanwhile,
	New:   func(k *sim.K) Scheme { return newToday(k) },
})

// leaseLost is what Linux 6.18 gets wrong by our own account, and with it those who are
// like it.
var leaseLost = probes.Failure{
	Scenario: "probe-goes-during-the-call",
	Title:    "KASAN: slab-use-after-free Read in handle_uretprobe_chain",
	Why:      "the trap has found the uprobe before it went, and takes a lease when the grace period that is to wait for leases is over",
}

// callsOfToday is what was found of calls in place of breakpoints in 2026.
var callsOfToday = []probes.Failure{
	{
		Scenario: "child-of-an-optimized-program",
		Title:    "BUG: program killed in execute",
		Why:      "the child has the call in its text, and the trampoline was mapped as one that children do not inherit",
	},
	{
		Scenario: "optimized-probe-in-a-leaf-function",
		Title:    "BUG: program memory corrupted in execute",
		Why:      "the call pushes an address where the function has a variable, in the 128 bytes below its stack",
	},
}

var todaysOrder = append(slices.Clone(tasksTraceOrder), "delayed_uprobe_lock")

// today is that, with what a design does otherwise.
type today struct {
	*skipMoved
	states   []*spaceState
	currents []*Thread // by task

	counters counters
	slots    slots
	returns  returns
	calls    calls

	khugepaged vm.Khugepaged
}

func newToday(k *sim.K) *today {
	d := &today{skipMoved: &skipMoved{newTasksTrace(k, tasksTraceRules{})}}
	d.counters.init(k)
	d.calls.nop = nop5
	k.InitSRCUStruct(&d.returns.srcu, "uretprobes_srcu")
	d.steps.setSwbp = d.setSwbp
	d.steps.setOrigInsn = d.setOrigInsn
	d.steps.findActive = d.findActiveUprobe
	d.steps.handlerChain = d.handleSwbp
	d.steps.free = d.callSRCUFree
	d.steps.synchronize = d.synchronize
	d.steps.isUnstable = func(k *sim.K, mm *vm.MM) bool { return vm.CheckStableAddressSpace(k, mm) != nil }
	return d
}

// Khugepaged implements [Collapser].
func (d *today) Khugepaged() vm.Khugepaged { return d.khugepaged }

// InitSpace implements [SpaceInit].
func (d *today) InitSpace(k *sim.K, mm *vm.MM) { d.states = append(d.states, newSpaceState(k, mm)) }

func (d *today) state(mm *vm.MM) *spaceState {
	i := slices.IndexFunc(d.states, func(s *spaceState) bool { return s.mm == mm })
	return d.states[i]
}

// RegisterUprobe is uprobe_register().
func (d *today) RegisterUprobe(k *sim.K, p *Probe) error {
	if p.Counter%counterBytes != 0 && !d.counters.unaligned {
		return sim.EINVAL
	}
	return d.tasksTrace.RegisterUprobe(k, p)
}

// setSwbp is set_swbp(), with what install_breakpoint() does around it. The caller holds
// mm->mmap_sem for writing.
func (d *today) setSwbp(k *sim.K, u *tracedUprobe, mm *vm.MM, vaddr uint64) error {
	if d.optimizable(k, u) && d.isOptimized(k, mm, vaddr) {
		return sim.EEXIST
	}
	flags := &d.state(mm).flags
	first := !k.TestBit(hasUprobes, flags)
	if first {
		k.SetBit(hasUprobes, flags)
	}
	err := d.writeSwbp(k, u, mm, vaddr)
	switch {
	case err == nil:
		k.ClearBit(recalcUprobes, flags)
	case first:
		k.ClearBit(hasUprobes, flags)
	}
	return err
}

// writeSwbp is uprobe_write() of a breakpoint.
func (d *today) writeSwbp(k *sim.K, u *tracedUprobe, mm *vm.MM, vaddr uint64) error {
	there, err := isSwbpAtAddr(k, mm, vaddr)
	switch {
	case err != nil:
		return err
	case there:
		return sim.EEXIST
	}
	vm.AnonVMAPrepare(k, mm, vaddr)
	if u.counter == 0 {
		return writeOpcode(k, mm, vaddr, int3)
	}
	d.updateRefCtr(k, u, mm, 1)
	if err = writeOpcode(k, mm, vaddr, int3); err != nil {
		d.updateRefCtr(k, u, mm, -1)
	}
	return err
}

// setOrigInsn is set_orig_insn(). The caller holds mm->mmap_sem, for writing.
func (d *today) setOrigInsn(k *sim.K, u *tracedUprobe, mm *vm.MM, vaddr uint64) error {
	if !k.TestBit(hasUprobes, &d.state(mm).flags) {
		return nil
	}
	if d.optimizable(k, u) && d.isOptimized(k, mm, vaddr) {
		return d.swbpUnoptimize(k, mm, vaddr, u.arch.step(k))
	}
	err := setOrigInsn(k, mm, vaddr, u.arch.opcode(k))
	if err == nil && u.counter != 0 {
		d.updateRefCtr(k, u, mm, -1)
	}
	return err
}

// synchronize is uprobe_unregister_sync().
func (d *today) synchronize(k *sim.K) {
	k.SynchronizeRCUTasksTrace()
	k.SynchronizeSRCU(&d.returns.srcu)
}

// callSRCUFree is the end of uprobe_free_deferred(): it frees the uprobe after those who
// have leases, and then those who have trapped. The timer of the leases is an ordinary
// reader, for whom a grace period of RCU tasks trace waits as well in the kernel
// (rcu_trace_implies_rcu_gp()). Where that has a callback call the next one, the thread of
// the first one waits here.
func (d *today) callSRCUFree(k *sim.K, u *tracedUprobe) {
	d.dropDelayed(k, u)
	if k == k.Machine().Setup() {
		k.Kfree(&u.Life)
		return
	}
	k.CallSRCU(&d.returns.srcu, &u.rcu, func(k *sim.K) {
		k.SynchronizeRCUTasksTrace()
		k.SynchronizeRCU()
		k.Kfree(&u.Life)
	})
}

// dropDelayed is delayed_uprobe_remove() for all address spaces.
func (d *today) dropDelayed(k *sim.K, u *tracedUprobe) {
	if !d.counters.outlives {
		d.delayedUprobeRemove(k, func(o delayedUprobe) bool { return o.u == u })
	}
}

// Mmap is uprobe_mmap(). The caller holds mm->mmap_sem for writing.
func (d *today) Mmap(k *sim.K, vma *vm.VMA) error {
	if vma.Flags&(vm.VMWrite|vm.VMShared) == vm.VMWrite && k.TestBit(hasUprobes, &d.state(vma.MM).flags) {
		d.delayedRefCtrInc(k, vma)
	}
	if vma.Flags&(vm.VMWrite|vm.VMMayExec|vm.VMShared) != vm.VMMayExec { // valid_vma()
		return nil
	}
	return d.skipMoved.Mmap(k, vma)
}

// Munmap is uprobe_munmap(): the address space may have no more breakpoints, which is
// looked into when that matters.
func (d *today) Munmap(k *sim.K, vma *vm.VMA, _, _ uint64) {
	flags := &d.state(vma.MM).flags
	if k.TestBit(hasUprobes, flags) && !k.TestBit(recalcUprobes, flags) && d.vmaHasUprobes(k, vma) {
		k.SetBit(recalcUprobes, flags)
	}
}

// vmaHasUprobes is vma_has_uprobes().
func (d *today) vmaHasUprobes(k *sim.K, vma *vm.VMA) bool {
	k.SpinLock(&d.treelock)
	defer k.SpinUnlock(&d.treelock)
	k.Step(opFindUprobes, &d.tree, sim.Read)
	return slices.ContainsFunc(d.uprobes, func(u *tracedUprobe) bool {
		_, mapped := u.vaddrIn(k, vma)
		return u.inode == vma.Inode && mapped
	})
}

// DupMmap is uprobe_dup_mmap(): the child may have the breakpoints of its parent.
func (d *today) DupMmap(k *sim.K, oldmm, mm *vm.MM) {
	d.InitSpace(k, mm)
	if k.TestBit(hasUprobes, &d.state(oldmm).flags) {
		flags := &d.state(mm).flags
		k.SetBit(hasUprobes, flags)
		k.SetBit(recalcUprobes, flags)
	}
	if d.calls.copied {
		d.state(mm).calls = slices.Clone(d.state(oldmm).calls)
	}
}

// ClearState is uprobe_clear_state().
func (d *today) ClearState(k *sim.K, mm *vm.MM) {
	if len(d.counters.list) > 0 {
		d.delayedUprobeRemove(k, func(o delayedUprobe) bool { return o.mm == mm })
	}
	s := d.state(mm)
	if area := s.area.Read(k); area != nil {
		s.area.Write(k, nil)
		d.freeXolArea(k, area)
	}
}

// Int3 is uprobe_pre_sstep_notifier() and handle_swbp().
func (d *today) Int3(k *sim.K, mm *vm.MM, addr uint64) (Trap, []byte) {
	t := d.current(k)
	if !k.TestBit(hasUprobes, &d.state(mm).flags) && t.utask.Read(k) == nil {
		return NotOurs, nil
	}
	if area := d.state(mm).area.Read(k); area != nil && addr == area.vaddr {
		return d.handleTrampoline(k, t)
	}
	return d.skipMoved.Int3(k, mm, addr)
}

// findActiveUprobe is find_active_uprobe_rcu(): without mmap_sem, if nobody has it for
// writing meanwhile. The uprobe comes without a reference.
func (d *today) findActiveUprobe(k *sim.K, mm *vm.MM, addr uint64) (u *tracedUprobe, swbp bool) {
	if u = d.findActiveUprobeSpeculative(k, mm, addr); u != nil {
		return u, true
	}
	k.DownRead(&mm.MmapSem)
	defer k.UpRead(&mm.MmapSem)
	if vma := vm.FindVMA(k, mm, addr); vma != nil {
		k.Step(opRBFind, &d.tree, sim.Read)
		if u = d.at(vma.Inode, offsetIn(vma, addr)); u == nil {
			swbp, _ = isSwbpAtAddr(k, mm, addr)
		}
	}
	if u == nil && k.TestAndClearBit(recalcUprobes, &d.state(mm).flags) {
		d.mmfRecalcUprobes(k, mm)
	}
	return u, swbp
}

// findActiveUprobeSpeculative is find_active_uprobe_speculative(): the area is looked up
// while it may be freed, which is found out at the end.
func (d *today) findActiveUprobeSpeculative(k *sim.K, mm *vm.MM, addr uint64) *tracedUprobe {
	k.RCUReadLock()
	defer k.RCUReadUnlock()
	inode, offset, seq, ok := vm.SpeculateVMA(k, mm, addr)
	if !ok || inode == nil {
		return nil
	}
	k.Step(opRBFind, &d.tree, sim.Read)
	u := d.at(inode, offset)
	if u == nil || k.MmapLockSpeculateRetry(&mm.MmapSem, seq) {
		return nil
	}
	return u
}

// mmfRecalcUprobes is mmf_recalc_uprobes(). The caller holds mm->mmap_sem.
func (d *today) mmfRecalcUprobes(k *sim.K, mm *vm.MM) {
	for _, vma := range vm.Areas(k, mm) {
		if vma.Inode != nil && d.vmaHasUprobes(k, vma) {
			return
		}
	}
	k.ClearBit(hasUprobes, &d.state(mm).flags)
}

// handleSwbp is what handle_swbp() does when it has the uprobe.
func (d *today) handleSwbp(k *sim.K, u *tracedUprobe, mm *vm.MM, bp uint64) (Trap, []byte) {
	d.callHandlers(k, u, mm)
	insn := u.arch.step(k)
	switch {
	case d.optimizable(k, u):
		d.archUprobeOptimize(k, mm, bp)
		return Handled, insn
	case canEmulate(insn):
		return Handled, insn
	}
	return d.preSsout(k, d.current(k), u, mm, bp)
}

// canEmulate says that the kernel does the instruction itself: push, and nop.
func canEmulate(insn []byte) bool { return insn[0]&^7 == 0x50 || insn[0] == 0x90 }

// callHandlers is handler_chain().
func (d *today) callHandlers(k *sim.K, u *tracedUprobe, mm *vm.MM) {
	k.Step(opConsWalk, &u.list, sim.Read)
	remove, returning := len(u.consumers) > 0, false
	var session []*Probe
	for _, p := range u.consumers {
		p.Handler(k)
		remove = remove && p.Remove
		returning = returning || p.Return != nil
		if p.Session {
			session = append(session, p)
		}
	}
	if returning {
		d.prepareUretprobe(k, d.current(k), u, mm, session)
	}
	if remove {
		k.DownRead(&u.registerRwsem)
		defer k.UpRead(&u.registerRwsem)
		if !d.steps.filterChain(k, u, mm) {
			d.unapplyUprobe(k, u, mm)
		}
	}
}

// unapplyUprobe is unapply_uprobe(): nobody wants the process any more.
func (d *today) unapplyUprobe(k *sim.K, u *tracedUprobe, mm *vm.MM) {
	if d.calls.shared {
		k.DownRead(&mm.MmapSem)
		defer k.UpRead(&mm.MmapSem)
	} else {
		k.DownWrite(&mm.MmapSem)
		defer k.UpWrite(&mm.MmapSem)
	}
	for _, vma := range vm.Areas(k, mm) {
		if vma.Inode != u.inode {
			continue
		}
		if vaddr, mapped := u.vaddrIn(k, vma); mapped {
			_ = d.steps.setOrigInsn(k, u, mm, vaddr)
		}
	}
}

// MayHaveUprobes implements [SpaceInit].
func (d *today) MayHaveUprobes(mm *vm.MM) bool { return d.state(mm).flags.Peek()&(1<<hasUprobes) != 0 }
