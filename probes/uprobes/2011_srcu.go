package uprobes

import (
	"trapline/pagecache"
	"trapline/probes"
	"trapline/sim"
	"trapline/vm"
)

// SRCU is the locking that was proposed for uprobes in July 2011. Who registers a
// probe must put the breakpoint into every process that maps the file, and cannot
// sleep while walking over those; so the areas are put on a temporary list first,
// through a link in the area itself, and munmap waits with SRCU until no such list
// is being walked.
//
//	inode->i_mutex               register and unregister on the same file
//	mm->mmap_sem                 to change the text of a process
//	mapping->i_mmap_mutex        to walk over the areas that map the file
//	uprobes_mmap_mutex           one mmap_uprobe at a time; deleting an uprobe
//	uprobes_treelock             the tree of uprobes
//	uprobes_srcu                 walking a list of areas, against munmap
//
// The order is that of the mail, which does not say where mmap calls mmap_uprobe: here
// it does before the file knows the area, as munmap calls munmap_uprobe before the
// area is taken from there. What else the mail leaves out is
// as in the patches around it: a hit looks the uprobe up by place, and one that finds
// none leaves the trap to the program. i_mmap_mutex is the spinlock i_mmap_lock here,
// under which nobody may sleep either. mm->uprobes_count is left out: it only tells
// whether a trap can be due to a probe.
var SRCU = add(Design{
	Design: probes.Design{
		Name:  "2011-srcu",
		Title: "as posted: temporary lists of areas, munmap waits for SRCU",
		From:  `linux-mm, 18 Jul 2011, Srikar Dronamraju, "Re: [PATCH v4 3.0-rc2-tip 7/22] 7: uprobes: mmap and fork hooks.", 20110718092055.GA1210@linux.vnet.ibm.com`,
		Order: srcuOrder,
	},
	New: func(k *sim.K) Scheme {
		d := &srcu{}
		d.tree.init(k)
		k.MutexInit(&d.mmapMutex, "uprobes_mmap_mutex")
		k.InitSRCUStruct(&d.srcu, "uprobes_srcu")
		return d
	},
})

var srcuOrder = []string{"inode->i_mutex", "mm->mmap_sem", "mapping->i_mmap_lock", "uprobes_mmap_mutex", "uprobes_treelock"}

type srcu struct {
	vm.NoHooks
	tree      uprobesTree
	mmapMutex sim.Mutex // uprobes_mmap_mutex
	srcu      sim.SRCU  // uprobes_srcu
	counts    []*uprobesCount
	links     []*vmaLink
}

// uprobesCount is inode->uprobes_count. It is written under i_mutex, and read without
// a lock.
type uprobesCount struct {
	inode *pagecache.Inode
	n     sim.Word[int]
}

// vmaLink is what the proposal adds to struct vm_area_struct: uprobes_list, the link
// of a temporary list, and uprobes_vaddr.
type vmaLink struct {
	vma   *vm.VMA
	on    sim.Word[linkState]
	vaddr uint64
}

// linkState is what a list_head is seen to be.
type linkState uint8

const (
	linkFresh   linkState = iota // as the area was allocated: on no list
	linkListed                   // on somebody's temporary list
	linkDeleted                  // LIST_POISON: it was taken off one
)

// ListCorruption is a link that is taken off a list on which it is not: what
// CONFIG_DEBUG_LIST finds.
var ListCorruption = sim.Kind{Name: "list-corruption", Class: "list_del corruption"}

// InitInode gives a file its counter.
func (d *srcu) InitInode(k *sim.K, inode *pagecache.Inode) {
	c := &uprobesCount{inode: inode}
	c.n.Init(k, "inode->uprobes_count", 0)
	d.counts = append(d.counts, c)
}

func (d *srcu) count(inode *pagecache.Inode) *sim.Word[int] {
	for _, c := range d.counts {
		if c.inode == inode {
			return &c.n
		}
	}
	return nil
}

// link is &vma->uprobes_list.
func (d *srcu) link(vma *vm.VMA) *vmaLink {
	for _, l := range d.links {
		if l.vma == vma {
			return l
		}
	}
	return nil
}

// listDel is list_del().
func (l *vmaLink) listDel(k *sim.K) {
	if l.on.Read(k) != linkListed {
		k.Fail(&sim.Violation{Kind: ListCorruption, Subject: "vma->uprobes_list is on no list"})
	}
	l.on.Write(k, linkDeleted)
}

// vmaList is the walk over all who map the place of an uprobe: it puts their areas on
// a temporary list.
func (d *srcu) vmaList(k *sim.K, u *countedUprobe) []*vmaLink {
	var list []*vmaLink
	k.SpinLock(&u.inode.Mapping.IMmapLock) // sync with mmap_uprobe
	for _, vma := range vm.Mappings(k, u.inode.Mapping) {
		vaddr, mapped := u.vaddrIn(k, vma)
		if !mapped {
			continue
		}
		l := d.link(vma)
		l.on.Write(k, linkListed)
		l.vaddr = vaddr
		list = append(list, l)
	}
	k.SpinUnlock(&u.inode.Mapping.IMmapLock)
	return list
}

// mm is vma->vm_mm, read from the area.
func (l *vmaLink) mm(k *sim.K) *vm.MM {
	l.on.Read(k)
	return l.vma.MM
}

var _ = sim.Plumbing("list_del", "vma_list", "mm")

// RegisterUprobe is register_uprobe().
func (d *srcu) RegisterUprobe(k *sim.K, p *Probe) error {
	u, err := d.tree.allocUprobe(k, p) // find or insert in tree
	if err != nil {
		return err
	}
	defer u.put(k)
	k.MutexLock(&p.Inode.IMutex) // sync with register/unregister
	defer k.MutexUnlock(&p.Inode.IMutex)
	if first := u.addConsumer(k, p); !first {
		return nil
	}
	count := d.count(p.Inode)
	count.Write(k, count.Read(k)+1)

	list := d.vmaList(k, u)
	idx := k.SRCUReadLock(&d.srcu) // synch with munmap_uprobe
	for _, l := range list {
		mm := l.mm(k)
		if err == nil {
			k.DownRead(&mm.MmapSem)
			err = setSwbp(k, mm, l.vaddr) // install_breakpoint()
			k.UpRead(&mm.MmapSem)
		}
		l.listDel(k)
		if err == sim.ESRCH || err == sim.EEXIST {
			err = nil
		}
	}
	k.SRCUReadUnlock(&d.srcu, idx)
	if err != nil {
		d.unregister(k, u, p)
	}
	return err
}

// UnregisterUprobe is unregister_uprobe().
func (d *srcu) UnregisterUprobe(k *sim.K, p *Probe) {
	k.MutexLock(&p.Inode.IMutex) // sync with register/unregister
	defer k.MutexUnlock(&p.Inode.IMutex)
	u := d.tree.findUprobe(k, p.Inode, p.Offset)
	if u == nil {
		return
	}
	d.unregister(k, u, p)
	u.put(k)
}

// unregister is _unregister_uprobe(). The caller holds i_mutex.
func (d *srcu) unregister(k *sim.K, u *countedUprobe, p *Probe) {
	if found, left := u.delConsumer(k, p); !found || left {
		return
	}
	list := d.vmaList(k, u)
	idx := k.SRCUReadLock(&d.srcu) // synch with munmap_uprobe
	for _, l := range list {
		mm := l.mm(k)
		l.listDel(k)
		k.DownRead(&mm.MmapSem)
		_ = setOrigInsn(k, mm, l.vaddr, u.insn) // unconditional, if it wasn't there
		k.UpRead(&mm.MmapSem)
	}
	k.SRCUReadUnlock(&d.srcu, idx)
	count := d.count(u.inode)
	count.Write(k, count.Read(k)-1)
	k.MutexLock(&d.mmapMutex) // sync with mmap_uprobe
	d.tree.deleteUprobe(k, u)
	k.MutexUnlock(&d.mmapMutex)
}

// MmapUnlinked is mmap_uprobe(). The caller holds mm->mmap_sem for writing.
func (d *srcu) MmapUnlinked(k *sim.K, vma *vm.VMA) {
	l := &vmaLink{vma: vma}
	l.on.Init(k, "vma->uprobes_list", linkFresh)
	l.on.In(vma.Life())
	d.links = append(d.links, l)

	if d.count(vma.Inode).Read(k) == 0 { // Bail-out
		return
	}
	k.MutexLock(&d.mmapMutex)
	defer k.MutexUnlock(&d.mmapMutex)
	var err error
	for _, u := range d.tree.buildProbeList(k, vma) {
		if err == nil && u.hasConsumers(k) {
			vaddr, _ := u.vaddrIn(k, vma)
			if err = setSwbp(k, vma.MM, vaddr); err == sim.ESRCH || err == sim.EEXIST { // install_breakpoint()
				err = nil
			}
		}
		u.put(k)
	}
}

// Munmap is munmap_uprobe(). The caller holds mm->mmap_sem for writing.
func (d *srcu) Munmap(k *sim.K, vma *vm.VMA, _, _ uint64) {
	if d.count(vma.Inode).Read(k) == 0 { // Bail-out
		return
	}
	d.link(vma).listDel(k)
	k.SynchronizeSRCU(&d.srcu) // synchronize with (un)register_uprobe
}

// Int3 is uprobe_notify_resume().
func (d *srcu) Int3(k *sim.K, mm *vm.MM, addr uint64) (Trap, []byte) {
	inode, offset, ok := placeOf(k, mm, addr)
	if !ok {
		return NotOurs, nil
	}
	u := d.tree.findUprobe(k, inode, offset)
	if u == nil {
		return NotOurs, nil
	}
	u.handlerChain(k)
	insn := u.insn
	u.put(k)
	return Handled, insn
}
