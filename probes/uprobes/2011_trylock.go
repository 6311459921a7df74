package uprobes

import (
	"slices"

	"trapline/probes"
	"trapline/sim"
	"trapline/vm"
)

// Trylock is the other way that the proposal of July 2011 names in its last note: no
// SRCU and no uprobes_mmap_mutex, but i_mutex in mmap and munmap as well. They are called
// with mmap_sem held, which comes after i_mutex; so they try, and if somebody else has
// i_mutex, they drop mmap_sem, take both in order, and look whether the area is still
// there. Peter Zijlstra was "not happy with that approach".
//
//	inode->i_mutex               all that follows, for one file
//	mm->mmap_sem                 to change the text of a process
//	mapping->i_mmap_mutex        to walk over the areas that map the file
//	uprobes_treelock             the tree of uprobes
//
// The rest is as in [SRCU]: areas are on a temporary list, and mmap and munmap first ask
// inode->uprobes_count. As munmap has i_mutex, no list is being walked then. Where an area
// maps the place is asked of the area when its turn comes, in place of uprobes_vaddr, which
// lies in it as well.
var Trylock = add(Design{
	Design: probes.Design{
		Name:  "2011-trylock",
		Title: "the other way of the same mail: mmap and munmap try i_mutex, or drop mmap_sem",
		From:  `linux-mm, 18 Jul 2011, Srikar Dronamraju, "Re: [PATCH v4 3.0-rc2-tip 7/22] 7: uprobes: mmap and fork hooks.", 20110718092055.GA1210@linux.vnet.ibm.com, the note at its end`,
		Order: []string{"inode->i_mutex", "mm->mmap_sem", "mapping->i_mmap_lock", "uprobes_treelock"},
		Fails: []probes.Failure{
			{
				Scenario: "fork-while-registering",
				Title:    "BUG: probe missed in execute",
				Why:      "the child is not known to the file when register walks over those who map it, and its pages were copied before",
			},
			{
				Scenario: "fork-while-unregistering",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "the child is not known to the file when unregister walks over those who map it, and has the breakpoint of its parent",
			},
			{
				Scenario: "mmap-while-registering",
				Title:    "BUG: probe missed in execute",
				Why:      "mmap_uprobe reads uprobes_count before register raises it, and the file knows the area only after register has walked over those who map it",
			},
			{
				Scenario: "mmap-while-unregistering",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "the program has trapped when the probe goes, and is looked up when it is gone",
			},
			{
				Scenario: "munmap-while-registering",
				Title:    "KCSAN: data-race in remove_vma / vma_address",
				Why:      "munmap sees no probes and bails out; register then puts the area on its list, and munmap frees it",
			},
			{
				Scenario: "munmap-while-trapped",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "the text is unmapped when the trap looks for its area, and the trap is then left to the program",
			},
			{
				Scenario: "owner-frees-after-unregister",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "the program has trapped when the probe goes, and is looked up when it is gone",
			},
			{
				Scenario: "process-exits-while-registering",
				Title:    "KCSAN: data-race in find_vma / unmap_vm_as",
				Why:      "nobody has a reference to the address space: it is taken down while register works on it",
			},
			{
				Scenario: "process-exits-while-registering",
				Title:    "WARNING: bad unlock balance in munmap_uprobe",
				Why:      "an address space that is taken down is not locked, and munmap_uprobe drops its mmap_sem",
			},
			{
				Scenario: "process-exits-while-registering",
				Title:    "KCSAN: data-race in remove_vma / vma_address",
				Why:      "munmap sees no probes and bails out; register then puts the area on its list, and munmap frees it",
				Model:    "sc",
			},
			{
				Scenario: "second-process-maps-while-registering",
				Title:    "BUG: probe missed in execute",
				Why:      "mmap_uprobe reads uprobes_count before register raises it, and the file knows the area only after register has walked over those who map it",
			},
			{
				Scenario: "thread-maps-while-another-unmaps",
				Title:    "KCSAN: data-race in remove_vma / vma_address",
				Why:      "munmap sees no probes and bails out; register then puts the area on its list, and munmap frees it",
			},
			{
				Scenario: "thread-maps-while-another-unmaps",
				Title:    "BUG: probe missed in execute",
				Why:      "munmap has let go of mmap_sem; another thread maps the place anew, and munmap goes on to clear the page table",
			},
			{
				Scenario: "thread-unmaps-while-another-maps",
				Title:    "BUG: unable to handle kernel paging request in vma_unlink_file",
				Why:      "mmap has let go of mmap_sem, and another thread unmaps the area, which the file does not know yet",
			},
			{
				Scenario: "thread-unmaps-while-another-maps",
				Title:    "KCSAN: data-race in remove_vma / vma_address",
				Why:      "munmap sees no probes and bails out; register then puts the area on its list, and munmap frees it",
			},
			{
				Scenario: "trap-between-two-registrations",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "the program has trapped when the probe goes, and is looked up when it is gone",
			},
			{
				Scenario: "trap-between-two-registrations",
				Title:    "BUG: wrong instruction stepped in execute",
				Why:      "the program has trapped for the old uprobe and finds the new one, into which no instruction was copied yet",
			},
			{
				Scenario: "mremap-while-registering",
				Title:    "KCSAN: data-race in remove_vma / vma_address",
				Why:      "munmap_uprobe sees no probes and bails out; register then finds the old area, as the file still knows it, and mremap frees it",
			},
			{
				Scenario: "mremap-while-registering",
				Title:    "BUG: probe missed in execute",
				Why:      "register listed the old place; the text has gone from there to one that the list does not have",
			},
			{
				Scenario: "mremap-while-unregistering",
				Title:    "KCSAN: data-race in remove_vma / vma_address",
				Why:      "munmap_uprobe has had i_mutex and let go of it; unregister then finds the old area, as the file still knows it, and mremap frees it",
			},
			movedOffTheList,
			{
				Scenario: "program-executes-while-unregistering",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "the program has trapped when the probe goes, and is looked up when it is gone",
			},
			{
				Scenario: "program-pages-its-text-in",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "the text is unmapped when the trap looks for its area, and the trap is then left to the program",
			},
		},
	},
	drawn: append(slices.Clone(moved),
		drawnTitle("KASAN: slab-use-after-free Read in vma_address",
			"as in mremap-while-registering: the walk asks an area where it maps the place before it takes mmap_sem"),
		drawnTitle("BUG: Bad mm_struct in quiet",
			"munmap_uprobe drops mmap_sem when mremap has cleared the place that it moves an area to: another task maps something there meanwhile, and two areas lie at one address")),
	New: func(k *sim.K) Scheme {
		d := &trylock{}
		d.tree.init(k)
		return d
	},
})

type trylock struct {
	vm.NoHooks
	uprobesCounts
	tree uprobesTree
}

// RegisterUprobe is register_uprobe().
func (d *trylock) RegisterUprobe(k *sim.K, p *Probe) error {
	k.MutexLock(&p.Inode.IMutex)
	defer k.MutexUnlock(&p.Inode.IMutex)
	u, err := d.tree.allocUprobe(k, p) // find or insert in tree
	if err != nil {
		return err
	}
	defer u.put(k)
	if first := u.addConsumer(k, p); !first {
		return nil
	}
	d.add(k, p.Inode, 1)
	for _, vma := range d.vmaList(k, u) {
		vaddr, _ := u.vaddrIn(k, vma)
		k.DownRead(&vma.MM.MmapSem)
		if err == nil {
			err = ignoreDouble(installBreakpoint(k, u, vma.MM, vaddr))
		}
		k.UpRead(&vma.MM.MmapSem)
	}
	if err != nil {
		d.unregister(k, u, p)
	}
	return err
}

// vmaList is the walk over all who map the place of an uprobe. The caller holds i_mutex,
// which keeps the areas on the list alive.
func (d *trylock) vmaList(k *sim.K, u *countedUprobe) []*vm.VMA {
	var list []*vm.VMA
	k.SpinLock(&u.inode.Mapping.IMmapLock)
	for _, vma := range vm.Mappings(k, u.inode.Mapping) {
		if _, mapped := u.vaddrIn(k, vma); mapped {
			list = append(list, vma)
		}
	}
	k.SpinUnlock(&u.inode.Mapping.IMmapLock)
	return list
}

// UnregisterUprobe is unregister_uprobe().
func (d *trylock) UnregisterUprobe(k *sim.K, p *Probe) {
	k.MutexLock(&p.Inode.IMutex)
	defer k.MutexUnlock(&p.Inode.IMutex)
	if u := d.tree.findUprobe(k, p.Inode, p.Offset); u != nil {
		d.unregister(k, u, p)
		u.put(k)
	}
}

// unregister is _unregister_uprobe(). The caller holds i_mutex.
func (d *trylock) unregister(k *sim.K, u *countedUprobe, p *Probe) {
	if found, left := u.delConsumer(k, p); !found || left {
		return
	}
	for _, vma := range d.vmaList(k, u) {
		vaddr, _ := u.vaddrIn(k, vma)
		k.DownRead(&vma.MM.MmapSem)
		_ = setOrigInsn(k, vma.MM, vaddr, u.arch.opcode(k)) // unconditional, if it wasn't there
		k.UpRead(&vma.MM.MmapSem)
	}
	d.add(k, u.inode, -1)
	d.tree.deleteUprobe(k, u)
}

// lockInode takes i_mutex with mm->mmap_sem held for writing, which it may drop on the
// way. It says whether it has.
func lockInode(k *sim.K, vma *vm.VMA) (dropped bool) {
	inode, mm := vma.Inode, vma.MM
	if k.MutexTrylock(&inode.IMutex) {
		return false
	}
	k.UpWrite(&mm.MmapSem)
	k.MutexLock(&inode.IMutex)
	k.DownWrite(&mm.MmapSem)
	return true
}

// MmapUnlinked implements [vm.EarlyMmap].
func (d *trylock) MmapUnlinked(k *sim.K, vma *vm.VMA) { d.mmapUprobe(k, vma) }

// Munmap implements [vm.Hooks].
func (d *trylock) Munmap(k *sim.K, vma *vm.VMA, _, _ uint64) { d.munmapUprobe(k, vma) }

// mmapUprobe is mmap_uprobe(). The caller holds mm->mmap_sem for writing.
func (d *trylock) mmapUprobe(k *sim.K, vma *vm.VMA) {
	if d.of(vma.Inode).Read(k) == 0 { // Bail-out
		return
	}
	inode, mm, start := vma.Inode, vma.MM, vma.Start
	dropped := lockInode(k, vma)
	defer k.MutexUnlock(&inode.IMutex)
	if dropped && vm.FindVMA(k, mm, start) != vma {
		return // verified the vma: it is gone
	}
	for _, u := range d.tree.buildProbeList(k, vma) {
		if u.any.Read(k) {
			vaddr, _ := u.vaddrIn(k, vma)
			_ = installBreakpoint(k, u, mm, vaddr)
		}
		u.put(k)
	}
}

// munmapUprobe is munmap_uprobe(): who walks over areas has i_mutex, so when it has been
// taken once, nobody looks at this one. The caller holds mm->mmap_sem for writing.
func (d *trylock) munmapUprobe(k *sim.K, vma *vm.VMA) {
	if d.of(vma.Inode).Read(k) == 0 { // Bail-out
		return
	}
	inode := vma.Inode
	lockInode(k, vma)
	k.MutexUnlock(&inode.IMutex)
}

// Int3 is uprobe_notify_resume().
func (d *trylock) Int3(k *sim.K, mm *vm.MM, addr uint64) (Trap, []byte) {
	return d.tree.notifyResume(k, mm, addr)
}

var _ = sim.Plumbing("vma_list", "lock_inode", "of", "add")
