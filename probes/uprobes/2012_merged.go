package uprobes

import (
	"trapline/probes"
	"trapline/sim"
	"trapline/vm"
)

// Merged is uprobes as Linux 3.5 has it. Who registers remembers address spaces, with a
// reference, and addresses in them, and no areas; munmap waits for nobody. A task that
// has trapped is an SRCU reader until it has looked the uprobe up, and nobody takes an
// uprobe out of the tree before such tasks are done.
//
//	uprobes_mutex           register and unregister on the same file (hashed)
//	mapping->i_mmap_lock    to walk over the areas that map the file
//	mm->mmap_sem            for reading, to change the text of a process
//	uprobes_mmap_mutex      one mmap of the file at a time (hashed)
//	uprobe->consumer_rwsem  the consumers
//	uprobes_treelock        the tree
//	uprobes_srcu            traps, against deleting an uprobe
//
// uprobe_register() finds or makes the uprobe under uprobes_mutex, unlike the proposal of
// 2011, so that none that is leaving the tree gets a consumer; 66d06dffa5ef took the
// mutex away and looks again instead. Only uprobe_unregister() finds it before, where its
// own consumer keeps it in the tree.
//
// Left out: mm->uprobes_state.count, which only tells whether a trap can be due to a
// probe, the instruction slots of processes, and the hashing of mutexes.
var Merged = add(Design{
	Design: probes.Design{
		Name:  "2012-merged",
		Title: "as merged: lists of address spaces, traps are SRCU readers",
		From:  "Linux 3.5, kernel/events/uprobes.c, commit 2b1444983508",
		Order: mergedOrder,
		Fails: append([]probes.Failure{
			{
				Scenario: "mmap-while-unregistering",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "the program has executed the breakpoint and is not an SRCU reader yet when the uprobe goes",
			},
			{
				Scenario: "munmap-while-trapped",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "the text is unmapped when the trap looks for its area, and no area means SIGTRAP",
			},
			{
				Scenario: "owner-frees-after-unregister",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "the program has executed the breakpoint and is not an SRCU reader yet when the uprobe goes",
			},
			{
				Scenario: "trap-between-two-registrations",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "the program has executed the breakpoint and is not an SRCU reader yet when the uprobe goes",
			},
			{
				Scenario: "program-executes-while-unregistering",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "the program has executed the breakpoint and is not an SRCU reader yet when the uprobe goes",
			},
			{
				Scenario: "program-pages-its-text-in",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "the text is unmapped when the trap looks for its area, and no area means SIGTRAP",
			},
		}, failsOf2012...),
	},
	drawn: movedAndOverwritten,
	New:   func(k *sim.K) Scheme { return newMerged(k, mergedRules{}) },
})

var mergedOrder = []string{"uprobes_mutex", "dup_mmap_sem", "mm->mmap_sem", "mapping->i_mmap_lock"}

// mergedRules is what changed from v3.5 to v3.9.
type mergedRules struct {
	// restarts is since v3.6: a trap that finds no uprobe looks at the byte again, and
	// is no SRCU reader.
	restarts bool
	// writes is 77fc4af1b59d, v3.6: mmap_sem is taken for writing to change text.
	writes bool
	// careful is 142b18ddc813 and 4710f05fd146, v3.7: one task at a time prepares an
	// uprobe, and a trap tests whether that was done; mmap puts each uprobe.
	careful bool
	// dup is 32cdba1e0541, v3.8: fork keeps register and unregister out.
	dup bool
	// filters is v3.9: mmap asks the consumers, under consumer_rwsem.
	filters bool
	// registers is e591c8d78e49, v3.9: handlers are called under register_rwsem.
	registers bool
	// ordered is 09d3f015d1e1, v4.20: a trap that sees that an uprobe is prepared sees
	// its copy.
	ordered bool
	// lost is between c6bc9bd06dff and b0d6d4789677, v5.12-rc; see [LostReference].
	lost bool
}

type merged struct {
	vm.NoHooks
	mergedRules
	tree         uprobesTree
	uprobesMutex sim.Mutex
	mmapMutex    sim.Mutex       // uprobes_mmap_mutex
	dupMmapSem   sim.PercpuRWSem // fork is a reader, register and unregister writers
	srcu         sim.SRCU        // uprobes_srcu
}

func newMerged(k *sim.K, rules mergedRules) *merged {
	d := &merged{mergedRules: rules}
	d.tree.init(k)
	k.MutexInit(&d.uprobesMutex, "uprobes_mutex")
	k.MutexInit(&d.mmapMutex, "uprobes_mmap_mutex")
	k.InitSRCUStruct(&d.srcu, "uprobes_srcu")
	k.PercpuInitRWSem(&d.dupMmapSem, "dup_mmap_sem")
	return d
}

// RegisterUprobe is uprobe_register().
func (d *merged) RegisterUprobe(k *sim.K, p *Probe) error {
	k.MutexLock(&d.uprobesMutex)
	defer k.MutexUnlock(&d.uprobesMutex)
	u, err := d.tree.allocUprobe(k, p)
	if err != nil {
		return err
	}
	defer u.put(k)
	d.lockRegister(k, u)
	defer d.unlockRegister(k, u)
	if first := u.addConsumer(k, p); !first {
		return nil
	}
	if err = d.forEachVMA(k, u, func(mm *vm.MM, vaddr uint64) error { return ignoreDouble(d.installBreakpoint(k, u, mm, vaddr)) }); err != nil {
		u.delConsumer(k, p)
		d.takeDown(k, u)
	}
	return err
}

// UnregisterUprobe is uprobe_unregister().
func (d *merged) UnregisterUprobe(k *sim.K, p *Probe) {
	u := d.tree.findUprobe(k, p.Inode, p.Offset)
	if u == nil {
		return
	}
	k.MutexLock(&d.uprobesMutex)
	d.lockRegister(k, u)
	if found, left := u.delConsumer(k, p); found && !left {
		d.takeDown(k, u)
	}
	d.unlockRegister(k, u)
	k.MutexUnlock(&d.uprobesMutex)
	u.put(k)
}

func (d *merged) lockRegister(k *sim.K, u *countedUprobe) {
	if d.registers {
		k.DownWrite(&u.registerRwsem)
	}
}

func (d *merged) unlockRegister(k *sim.K, u *countedUprobe) {
	if d.registers {
		k.UpWrite(&u.registerRwsem)
	}
}

// takeDown is __uprobe_unregister(): it removes all breakpoints and deletes the uprobe.
// The caller holds uprobes_mutex.
func (d *merged) takeDown(k *sim.K, u *countedUprobe) {
	_ = d.forEachVMA(k, u, func(mm *vm.MM, vaddr uint64) error {
		_ = setOrigInsn(k, mm, vaddr, u.arch.opcode(k)) // remove_breakpoint()
		return nil
	})
	if !d.restarts {
		k.SynchronizeSRCU(&d.srcu) // delete_uprobe(): traps that are to find it
	}
	d.tree.deleteUprobe(k, u)
}

// forEachVMA is register_for_each_vma().
func (d *merged) forEachVMA(k *sim.K, u *countedUprobe, f func(mm *vm.MM, vaddr uint64) error) error {
	if d.dup {
		k.PercpuDownWrite(&d.dupMmapSem)
		defer k.PercpuUpWrite(&d.dupMmapSem)
	}
	return registerForEachVMA(k, u, d.writes, f)
}

// installBreakpoint is install_breakpoint(). The caller holds mm->mmap_sem.
func (d *merged) installBreakpoint(k *sim.K, u *countedUprobe, mm *vm.MM, vaddr uint64) error {
	wanted := false
	if d.filters {
		wanted = u.filterChain(k)
	} else {
		wanted = u.any.Read(k)
	}
	if !wanted {
		return sim.EEXIST
	}
	if err := d.prepareUprobe(k, u); err != nil {
		return err
	}
	return setSwbp(k, mm, vaddr)
}

// prepareUprobe is prepare_uprobe().
func (d *merged) prepareUprobe(k *sim.K, u *countedUprobe) error {
	if d.careful {
		k.MutexLock(&u.copyMutex)
		defer k.MutexUnlock(&u.copyMutex)
	}
	return u.arch.prepare(k, u.inode, u.offset, d.ordered)
}

// ignoreDouble is what the callers of install_breakpoint() make of its error: EEXIST
// is a breakpoint that is there already.
func ignoreDouble(err error) error {
	if err == sim.EEXIST || err == sim.ESRCH {
		return nil
	}
	return err
}

var _ = sim.Plumbing("for_each_vma", "lock_register", "unlock_register", "prepare", "ready", "step")

// Mmap implements [vm.Hooks].
func (d *merged) Mmap(k *sim.K, vma *vm.VMA) error { return d.uprobeMmap(k, vma) }

// DupVMA implements [vm.Hooks].
func (d *merged) DupVMA(k *sim.K, vma *vm.VMA) error {
	if d.dup {
		return nil
	}
	return d.uprobeMmap(k, vma)
}

// uprobeMmap is uprobe_mmap(). The caller holds mm->mmap_sem for writing.
func (d *merged) uprobeMmap(k *sim.K, vma *vm.VMA) error {
	k.MutexLock(&d.mmapMutex)
	defer k.MutexUnlock(&d.mmapMutex)
	var err error
	for _, u := range d.tree.buildProbeList(k, vma) {
		if err == nil {
			vaddr, _ := u.vaddrIn(k, vma)
			err = d.installBreakpoint(k, u, vma.MM, vaddr)
			if err == sim.EEXIST {
				err = nil
				if there, _ := isSwbpAtAddr(k, vma.MM, vaddr); !there && !d.careful {
					continue // without put_uprobe()
				}
			}
		}
		u.put(k)
	}
	if d.careful {
		return nil
	}
	return err
}

// StartDupMmap is uprobe_start_dup_mmap().
func (d *merged) StartDupMmap(k *sim.K) {
	if d.dup {
		k.PercpuDownRead(&d.dupMmapSem)
	}
}

// EndDupMmap is uprobe_end_dup_mmap().
func (d *merged) EndDupMmap(k *sim.K) {
	if d.dup {
		k.PercpuUpRead(&d.dupMmapSem)
	}
}

// Int3 is uprobe_pre_sstep_notifier() and handle_swbp().
func (d *merged) Int3(k *sim.K, mm *vm.MM, addr uint64) (Trap, []byte) {
	if !d.restarts {
		return d.int3SRCU(k, mm, addr)
	}
	u, swbp := findActiveUprobe(k, mm, addr, func(k *sim.K, vma *vm.VMA) *countedUprobe {
		u := d.tree.findUprobe(k, vma.Inode, offsetIn(vma, addr))
		if u != nil && d.lost {
			u.put(k)
		}
		return u
	})
	switch {
	case u == nil && swbp:
		return NotOurs, nil
	case u == nil:
		return Restart, nil
	}
	defer u.put(k)
	if d.careful && !u.arch.ready(k, d.ordered) {
		return Restart, nil
	}
	d.handlerChain(k, u)
	return Handled, u.arch.step(k)
}

// int3SRCU is that of v3.5. SIGTRAP is for whoever traps when there is no uprobe.
func (d *merged) int3SRCU(k *sim.K, mm *vm.MM, addr uint64) (Trap, []byte) {
	idx := k.SRCUReadLock(&d.srcu)
	var u *countedUprobe
	k.DownRead(&mm.MmapSem)
	if vma := vm.FindVMA(k, mm, addr); vma != nil {
		u = d.tree.findUprobe(k, vma.Inode, offsetIn(vma, addr))
	}
	k.SRCUReadUnlock(&d.srcu, idx)
	k.UpRead(&mm.MmapSem)
	if u == nil {
		return NotOurs, nil
	}
	defer u.put(k)
	u.handlerChain(k)
	return Handled, u.arch.step(k)
}

// handlerChain is handler_chain().
func (d *merged) handlerChain(k *sim.K, u *countedUprobe) {
	if !d.registers {
		u.handlerChain(k)
		return
	}
	k.DownRead(&u.registerRwsem)
	defer k.UpRead(&u.registerRwsem)
	u.consumersData.Read(k)
	for _, p := range u.consumers {
		p.Handler(k)
	}
}
