package uprobes

import (
	"trapline/probes"
	"trapline/sim"
	"trapline/vm"
)

// SRCURepaired is [SRCU] made to work, with what Linux did later where that is known to
// be enough.
//
//   - The list is one of address spaces, with a reference, and of addresses in them.
//     Nothing lies in areas, so munmap has nothing to do, and waits for nobody.
//   - mmap calls mmap_uprobe when the file knows the area. Either the walk sees the area,
//     or mmap_uprobe sees the consumer.
//   - There is no counter to bail out on. Consumers are asked for once more under
//     mmap_sem by whoever installs: a breakpoint put in for one who has just gone is
//     taken out by the walk that he is about to make.
//   - alloc_uprobe and find_uprobe are under i_mutex: an uprobe that is found is in the
//     tree as long as i_mutex is held.
//   - Text is changed with mmap_sem held for writing. A trap looks its uprobe up with
//     mmap_sem held for reading; if there is none, or one into which no instruction was
//     copied, it looks at the byte: a breakpoint that is gone, or about to be explained,
//     makes the program execute the instruction again.
//   - One task at a time copies the instruction.
//   - Fork keeps register and unregister out: they would miss the child that is just
//     getting its pages.
//   - Who walks over the processes does so once more if text has been moved meanwhile:
//     it may have gone from a place that he was yet to come to, to one that he does not
//     know.
var SRCURepaired = add(Design{
	Design: probes.Design{
		Name:  "2011-srcu-repaired",
		Title: "repaired: lists of address spaces, traps that look again",
		From:  "trapline, from the proposal of July 2011, what the explorer found in it, and Linux 3.5 to 3.9",
		Order: []string{"inode->i_mutex", "dup_mmap_sem", "mm->mmap_sem", "mapping->i_mmap_lock"},
		Fails: []probes.Failure{seenBefore},
	},
	New: func(k *sim.K) Scheme {
		d := &srcuRepaired{}
		d.tree.init(k)
		k.PercpuInitRWSem(&d.dupMmapSem, "dup_mmap_sem")
		d.moves.Init(k, "uprobes_moves", 0)
		return d
	},
})

type srcuRepaired struct {
	vm.NoHooks
	tree       uprobesTree
	dupMmapSem sim.PercpuRWSem // fork is a reader, register and unregister writers
	moves      sim.AtomicInt   // of text; raised under some mmap_sem
}

// forEachVMA calls f for each process that maps the place of the uprobe, with its
// mmap_sem held for writing; more than once if something is moved. The caller holds
// i_mutex.
func (d *srcuRepaired) forEachVMA(k *sim.K, u *countedUprobe, f func(mm *vm.MM, vaddr uint64) error) error {
	k.PercpuDownWrite(&d.dupMmapSem)
	defer k.PercpuUpWrite(&d.dupMmapSem)
	for {
		// Either the walk sees the new area, or its end sees the move: an area that
		// moves has its process on the list, whose mmap_sem waits for mremap.
		moves := d.moves.Read(k)
		if err := registerForEachVMA(k, u, true, f); err != nil || d.moves.Read(k) == moves {
			return err
		}
	}
}

// RegisterUprobe puts the breakpoint into every process that maps the place.
func (d *srcuRepaired) RegisterUprobe(k *sim.K, p *Probe) error {
	k.MutexLock(&p.Inode.IMutex)
	defer k.MutexUnlock(&p.Inode.IMutex)
	u, err := d.tree.allocUprobe(k, p)
	if err != nil {
		return err
	}
	defer u.put(k)
	if first := u.addConsumer(k, p); !first {
		return nil
	}
	err = d.forEachVMA(k, u, func(mm *vm.MM, vaddr uint64) error { return ignoreDouble(d.install(k, u, mm, vaddr)) })
	if err != nil {
		d.unregister(k, u, p)
	}
	return err
}

// UnregisterUprobe takes the probe away. No handler runs once it has returned: they are
// called under consumer_rwsem.
func (d *srcuRepaired) UnregisterUprobe(k *sim.K, p *Probe) {
	k.MutexLock(&p.Inode.IMutex)
	defer k.MutexUnlock(&p.Inode.IMutex)
	if u := d.tree.findUprobe(k, p.Inode, p.Offset); u != nil {
		d.unregister(k, u, p)
		u.put(k)
	}
}

// unregister is _unregister_uprobe(). The caller holds i_mutex.
func (d *srcuRepaired) unregister(k *sim.K, u *countedUprobe, p *Probe) {
	if found, left := u.delConsumer(k, p); !found || left {
		return
	}
	_ = d.forEachVMA(k, u, func(mm *vm.MM, vaddr uint64) error {
		_ = setOrigInsn(k, mm, vaddr, u.arch.opcode(k)) // truncate may have taken the page away: on to the next
		return nil
	})
	d.tree.deleteUprobe(k, u)
}

// install puts in the breakpoint if anybody wants it. The caller holds mm->mmap_sem for
// writing.
func (d *srcuRepaired) install(k *sim.K, u *countedUprobe, mm *vm.MM, vaddr uint64) error {
	if !u.any.Read(k) {
		return sim.EEXIST
	}
	k.MutexLock(&u.copyMutex)
	err := u.arch.prepare(k, u.inode, u.offset, true)
	k.MutexUnlock(&u.copyMutex)
	if err != nil {
		return err
	}
	return setSwbp(k, mm, vaddr)
}

// Mmap is mmap_uprobe(). The caller holds mm->mmap_sem for writing. An mmap without its
// breakpoints is better than no mmap.
func (d *srcuRepaired) Mmap(k *sim.K, vma *vm.VMA) error {
	for _, u := range d.tree.buildProbeList(k, vma) {
		vaddr, _ := u.vaddrIn(k, vma)
		_ = d.install(k, u, vma.MM, vaddr)
		u.put(k)
	}
	return nil
}

// MmapMoved implements [vm.MovedMmap]: pages come with their breakpoints. The file knows
// the area.
func (d *srcuRepaired) MmapMoved(k *sim.K, _ *vm.VMA) { d.moves.Inc(k) }

// StartDupMmap is uprobe_start_dup_mmap().
func (d *srcuRepaired) StartDupMmap(k *sim.K) { k.PercpuDownRead(&d.dupMmapSem) }

// EndDupMmap is uprobe_end_dup_mmap().
func (d *srcuRepaired) EndDupMmap(k *sim.K) { k.PercpuUpRead(&d.dupMmapSem) }

// Int3 looks the uprobe up, or at the byte again.
func (d *srcuRepaired) Int3(k *sim.K, mm *vm.MM, addr uint64) (Trap, []byte) {
	u, swbp := findActiveUprobe(k, mm, addr, func(k *sim.K, vma *vm.VMA) *countedUprobe {
		return d.tree.findUprobe(k, vma.Inode, offsetIn(vma, addr))
	})
	if u == nil {
		if swbp {
			return NotOurs, nil
		}
		return Restart, nil
	}
	defer u.put(k)
	if !u.arch.ready(k, true) {
		return Restart, nil
	}
	u.handlerChain(k)
	return Handled, u.arch.step(k)
}
