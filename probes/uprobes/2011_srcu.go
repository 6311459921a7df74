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
// whether a trap can be due to a probe. So is uprobe->pending_list: mmap_uprobe leaves an
// uprobe without a consumer on the list of a stack frame that is gone, but the next one
// to put it on a list writes the link without reading it. unregister_uprobe drops its
// reference under i_mutex here and behind it in the mail; nobody waits for it. mmap_uprobe
// has references to what it lists: the mail says that they would do instead of
// uprobes_mmap_mutex. Areas that are not valid_vma() do not come here, and inodes stay.
var SRCU = add(Design{
	Design: probes.Design{
		Name:  "2011-srcu",
		Title: "as posted: temporary lists of areas, munmap waits for SRCU",
		From:  `linux-mm, 18 Jul 2011, Srikar Dronamraju, "Re: [PATCH v4 3.0-rc2-tip 7/22] 7: uprobes: mmap and fork hooks.", 20110718092055.GA1210@linux.vnet.ibm.com`,
		Order: srcuOrder,
		Fails: []probes.Failure{
			{
				Scenario: "page-read-again-after-reclaim",
				Title:    "list_del corruption in munmap_uprobe",
				Why:      "whoever registered has taken the area off its list; munmap takes it off once more",
			},
			{
				Scenario: "probe-in-a-later-page",
				Title:    "list_del corruption in munmap_uprobe",
				Why:      "whoever registered has taken the area off its list; munmap takes it off once more",
			},
			{
				Scenario: "program-executes-while-unregistering",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "the program has trapped when the probe goes, and is looked up when it is gone",
			},
			{
				Scenario: "program-pages-its-text-in",
				Title:    "list_del corruption in munmap_uprobe",
				Why:      "whoever registered has taken the area off its list; munmap takes it off once more",
			},
			{
				Scenario: "readahead-while-registering",
				Title:    "list_del corruption in munmap_uprobe",
				Why:      "whoever registered has taken the area off its list; munmap takes it off once more",
			},
			{
				Scenario: "readpage-returns-before-uptodate",
				Title:    "list_del corruption in munmap_uprobe",
				Why:      "whoever registered has taken the area off its list; munmap takes it off once more",
			},
			{
				Scenario: "trap-between-two-registrations",
				Title:    "list_del corruption in munmap_uprobe",
				Why:      "whoever registered has taken the area off its list; munmap takes it off once more",
			},
			{
				Scenario: "unregister-against-readpage",
				Title:    "list_del corruption in munmap_uprobe",
				Why:      "whoever registered has taken the area off its list; munmap takes it off once more",
			},
			{
				Scenario: "waiting-for-the-page-inside-the-hook",
				Title:    "list_del corruption in munmap_uprobe",
				Why:      "whoever registered has taken the area off its list; munmap takes it off once more",
			},
			{
				Scenario: "munmap-while-registering",
				Title:    "list_del corruption in munmap_uprobe",
				Why:      "the file has a probe, and the area is on no list: register has not come to it, or is done with it",
			},
			{
				Scenario: "munmap-while-registering",
				Title:    "INFO: task hung in register_uprobe",
				Why:      "register is an SRCU reader and waits for mmap_sem; munmap holds mmap_sem and waits for SRCU readers",
				Model:    "sc",
			},
			{
				Scenario: "munmap-while-registering",
				Title:    "INFO: task hung in unregister",
				Why:      "unregister is an SRCU reader and waits for mmap_sem; munmap holds mmap_sem and waits for SRCU readers",
				Model:    "sc",
			},
			{
				Scenario: "munmap-while-registering",
				Title:    "KASAN: slab-use-after-free Read in register_uprobe",
				Why:      "the area is on the list, and munmap comes before srcu_read_lock: it waits for nobody",
			},
			{
				Scenario: "munmap-while-registering",
				Title:    "KASAN: slab-use-after-free Read in unregister",
				Why:      "the area is on the list, and munmap comes before srcu_read_lock: it waits for nobody",
			},
			{
				Scenario: "munmap-while-registering",
				Title:    "KASAN: slab-use-after-free Write in unregister",
				Why:      "the area is on the list, and munmap comes before srcu_read_lock: the link that is taken off the list lies in the area",
			},
			{
				Scenario: "munmap-while-registering",
				Title:    "list_del corruption in register_uprobe",
				Why:      "munmap has taken the area off the list that register walks: no lock is common to both",
			},
			{
				Scenario: "munmap-while-registering",
				Title:    "list_del corruption in unregister",
				Why:      "munmap has taken the area off the list that unregister walks: no lock is common to both",
			},
			{
				Scenario: "mmap-while-registering",
				Title:    "BUG: probe missed in execute",
				Why:      "mmap_uprobe reads uprobes_count before register raises it, and the file knows the area only after register has walked over those who map it",
			},
			{
				Scenario: "mmap-while-unregistering",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "mmap_uprobe has seen the consumer, which goes under i_mutex; it puts the breakpoint in after unregister has walked past",
			},
			{
				Scenario: "register-while-the-last-one-goes",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "alloc_uprobe finds the uprobe before i_mutex is taken; by then it is gone from the tree, and the breakpoint is one that no lookup explains",
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
				Scenario: "handler-reads-user-memory",
				Title:    "list_del corruption in munmap_uprobe",
				Why:      "munmap takes the area off a list on which it is not: register has not come to it, or is done with it",
			},
			{
				Scenario: "mremap-of-probed-text",
				Title:    "list_del corruption in munmap_uprobe",
				Why:      "munmap takes the area off a list on which it is not: register has not come to it, or is done with it",
			},
			{
				Scenario: "munmap-while-trapped",
				Title:    "list_del corruption in munmap_uprobe",
				Why:      "munmap takes the area off a list on which it is not: register has not come to it, or is done with it",
			},
			{
				Scenario: "truncate-while-executing",
				Title:    "list_del corruption in munmap_uprobe",
				Why:      "munmap takes the area off a list on which it is not: register has not come to it, or is done with it",
			},
			{
				Scenario: "owner-frees-after-unregister",
				Title:    "list_del corruption in munmap_uprobe",
				Why:      "munmap takes the area off a list on which it is not: register has not come to it, or is done with it",
			},
			{
				Scenario: "owner-frees-after-unregister",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "the program has trapped when the probe goes, and is looked up when it is gone",
			},
			{
				Scenario: "process-exits-while-registering",
				Title:    "KCSAN: data-race in find_vma / unmap_vm_as",
				Why:      "the mail leaves the reference to the address space out (blah blah): it is taken down while register works on it",
			},
			{
				Scenario: "process-exits-while-registering",
				Title:    "list_del corruption in munmap_uprobe",
				Why:      "munmap takes the area off a list on which it is not: register has not come to it, or is done with it",
			},
			{
				Scenario: "process-exits-while-registering",
				Title:    "KASAN: slab-use-after-free Read in register_uprobe",
				Why:      "the area is on the list, and munmap comes before srcu_read_lock: it waits for nobody",
			},
			{
				Scenario: "process-exits-while-registering",
				Title:    "KASAN: slab-use-after-free Write in register_uprobe",
				Why:      "munmap does not see yet that there are probes and bails out, and register takes the area off its list when it is gone; under sc the data race before it is seen first",
				Model:    "tso,lkmm",
			},
			{
				Scenario: "process-exits-while-registering",
				Title:    "list_del corruption in register_uprobe",
				Why:      "munmap has taken the area off the list that is being walked: no lock is common to both",
			},
			{
				Scenario: "second-process-maps-while-registering",
				Title:    "BUG: probe missed in execute",
				Why:      "mmap_uprobe reads uprobes_count before register raises it, and the file knows the area only after register has walked over those who map it",
			},
			{
				Scenario: "second-process-maps-while-registering",
				Title:    "BUG: wrong instruction stepped in execute",
				Why:      "two processes have the instruction copied at once, each under its own mmap_sem",
			},
			{
				Scenario: "thread-maps-while-another-unmaps",
				Title:    "list_del corruption in munmap_uprobe",
				Why:      "munmap takes the area off a list on which it is not: register has not come to it, or is done with it",
			},
			{
				Scenario: "thread-maps-while-another-unmaps",
				Title:    "INFO: task hung in munmap_uprobe",
				Why:      "munmap holds mmap_sem and waits for an SRCU reader, who waits for mmap_sem",
				Model:    "sc",
			},
			{
				Scenario: "thread-maps-while-another-unmaps",
				Title:    "KASAN: slab-use-after-free Read in register_uprobe",
				Why:      "the area is on the list, and munmap comes before srcu_read_lock: it waits for nobody",
			},
			{
				Scenario: "thread-maps-while-another-unmaps",
				Title:    "list_del corruption in register_uprobe",
				Why:      "munmap has taken the area off the list that is being walked: no lock is common to both",
			},
			{
				Scenario: "thread-unmaps-while-another-maps",
				Title:    "list_del corruption in munmap_uprobe",
				Why:      "munmap takes the area off a list on which it is not: register has not come to it, or is done with it",
			},
			{
				Scenario: "thread-unmaps-while-another-maps",
				Title:    "INFO: task hung in munmap_uprobe",
				Why:      "munmap holds mmap_sem and waits for an SRCU reader, who waits for mmap_sem",
				Model:    "sc",
			},
			{
				Scenario: "thread-unmaps-while-another-maps",
				Title:    "KASAN: slab-use-after-free Read in register_uprobe",
				Why:      "the area is on the list, and munmap comes before srcu_read_lock: it waits for nobody",
			},
			{
				Scenario: "thread-unmaps-while-another-maps",
				Title:    "list_del corruption in register_uprobe",
				Why:      "munmap has taken the area off the list that is being walked: no lock is common to both",
			},
			{
				Scenario: "text-mapped-again",
				Title:    "list_del corruption in munmap_uprobe",
				Why:      "whoever registered has taken the area off its list; munmap takes it off once more",
			},
			{
				Scenario: "mremap-while-registering",
				Title:    "list_del corruption in munmap_uprobe",
				Why:      "munmap, here of the old area, takes it off a list on which it is not",
			},
			{
				Scenario: "mremap-while-registering",
				Title:    "INFO: task hung in register_uprobe",
				Why:      "register is an SRCU reader and waits for mmap_sem; mremap holds mmap_sem, and waits for SRCU readers when the old area goes",
				Model:    "sc",
			},
			{
				Scenario: "mremap-while-registering",
				Title:    "KASAN: slab-use-after-free Read in register_uprobe",
				Why:      "the old area is on the list, and goes before srcu_read_lock: nobody is waited for",
			},
			{
				Scenario: "mremap-while-registering",
				Title:    "list_del corruption in register_uprobe",
				Why:      "the old area was taken off the list that register walks: no lock is common to both",
			},
			{
				Scenario: "mremap-while-unregistering",
				Title:    "list_del corruption in munmap_uprobe",
				Why:      "munmap, here of the old area, takes it off a list on which it is not",
			},
			{
				Scenario: "mremap-while-unregistering",
				Title:    "list_del corruption in unregister",
				Why:      "the old area was taken off the list that unregister walks: no lock is common to both",
			},
			{
				Scenario: "mremap-while-unregistering",
				Title:    "INFO: task hung in unregister",
				Why:      "unregister is an SRCU reader and waits for mmap_sem; mremap holds mmap_sem, and waits for SRCU readers when the old area goes",
				Model:    "sc",
			},
			{
				Scenario: "mremap-while-unregistering",
				Title:    "KASAN: slab-use-after-free Read in unregister",
				Why:      "the old area is on the list, and goes before srcu_read_lock: nobody is waited for",
			},
		},
	},
	drawn: []probes.Failure{
		behindTheTwo("do_truncate", "truncates waits for i_mutex"),
		behindTheTwo("do_page_fault", "faults waits for mmap_sem"),
		behindTheTwo("do_mmap", "maps something waits for mmap_sem"),
		behindTheTwo("do_munmap", "unmaps something waits for mmap_sem"),
		behindTheTwo("mremap", "moves something waits for mmap_sem"),
		behindTheTwo("mprotect", "changes what a process may do waits for mmap_sem"),
		behindTheTwo("dup_mmap", "forks waits for mmap_sem"),
		behindTheTwo("place_of", "has trapped waits for mmap_sem"),
		drawnTitle("BUG: mapped page differs in settled",
			"as in register-while-the-last-one-goes: alloc_uprobe has found an uprobe that is gone from the tree when i_mutex is taken, and the breakpoint that is then put in is one that unregister does not find"),
		drawnTitle("KASAN: slab-use-after-free Write in put",
			"as in register-while-the-last-one-goes, with a file that is cut off: register fails, and delete_uprobe drops the reference of a tree that the uprobe has left already"),
	},
	New: func(k *sim.K) Scheme {
		d := &srcu{}
		d.tree.init(k)
		k.MutexInit(&d.mmapMutex, "uprobes_mmap_mutex")
		k.InitSRCUStruct(&d.srcu, "uprobes_srcu")
		return d
	},
})

// behindTheTwo is of those who come to a lock that munmap or register holds for ever.
func behindTheTwo(function, who string) probes.Failure {
	return drawnTitle("INFO: task hung in "+function, "as in munmap-while-registering; who "+who+" behind the two")
}

var srcuOrder = []string{"inode->i_mutex", "mm->mmap_sem", "mapping->i_mmap_lock", "uprobes_mmap_mutex", "uprobes_treelock"}

type srcu struct {
	vm.NoHooks
	uprobesCounts
	tree      uprobesTree
	mmapMutex sim.Mutex // uprobes_mmap_mutex
	srcu      sim.SRCU  // uprobes_srcu
	links     []*vmaLink
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

// link is &vma->uprobes_list.
func (d *srcu) link(k *sim.K, vma *vm.VMA) *vmaLink {
	for _, l := range d.links {
		if l.vma == vma {
			return l
		}
	}
	l := &vmaLink{vma: vma}
	l.on.Init(k, "vma->uprobes_list", linkFresh)
	l.on.In(vma.Life())
	d.links = append(d.links, l)
	return l
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
		l := d.link(k, vma)
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

var _ = sim.Plumbing("list_del", "vma_list", "mm", "link")

// installBreakpoint is install_breakpoint() of 2011: the first process that gets the
// breakpoint has the instruction copied. The caller holds mm->mmap_sem.
func installBreakpoint(k *sim.K, u *countedUprobe, mm *vm.MM, vaddr uint64) error {
	if err := u.arch.prepare(k, u.inode, u.offset, false); err != nil {
		return err
	}
	return setSwbp(k, mm, vaddr)
}

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
	d.add(k, p.Inode, 1)

	list := d.vmaList(k, u)
	idx := k.SRCUReadLock(&d.srcu) // synch with munmap_uprobe
	for _, l := range list {
		mm := l.mm(k)
		if err == nil {
			k.DownRead(&mm.MmapSem)
			err = installBreakpoint(k, u, mm, l.vaddr)
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
		_ = setOrigInsn(k, mm, l.vaddr, u.arch.opcode(k)) // unconditional, if it wasn't there
		k.UpRead(&mm.MmapSem)
	}
	k.SRCUReadUnlock(&d.srcu, idx)
	d.add(k, u.inode, -1)
	k.MutexLock(&d.mmapMutex) // sync with mmap_uprobe
	d.tree.deleteUprobe(k, u)
	k.MutexUnlock(&d.mmapMutex)
}

// MmapUnlinked implements [vm.EarlyMmap]. The area is new, and so is its link.
func (d *srcu) MmapUnlinked(k *sim.K, vma *vm.VMA) {
	d.link(k, vma)
	d.mmapUprobe(k, vma)
}

// Munmap implements [vm.Hooks].
func (d *srcu) Munmap(k *sim.K, vma *vm.VMA, _, _ uint64) { d.munmapUprobe(k, vma) }

// mmapUprobe is mmap_uprobe(). The caller holds mm->mmap_sem for writing.
func (d *srcu) mmapUprobe(k *sim.K, vma *vm.VMA) {
	if d.of(vma.Inode).Read(k) == 0 { // Bail-out
		return
	}
	k.MutexLock(&d.mmapMutex)
	defer k.MutexUnlock(&d.mmapMutex)
	var err error
	for _, u := range d.tree.buildProbeList(k, vma) {
		if err == nil && u.any.Read(k) {
			vaddr, _ := u.vaddrIn(k, vma)
			if err = installBreakpoint(k, u, vma.MM, vaddr); err == sim.ESRCH || err == sim.EEXIST {
				err = nil
			}
		}
		u.put(k)
	}
}

// munmapUprobe is munmap_uprobe(). The caller holds mm->mmap_sem for writing.
func (d *srcu) munmapUprobe(k *sim.K, vma *vm.VMA) {
	if d.of(vma.Inode).Read(k) == 0 { // Bail-out
		return
	}
	d.link(k, vma).listDel(k)
	k.SynchronizeSRCU(&d.srcu) // synchronize with (un)register_uprobe
}

// Int3 is uprobe_notify_resume(): the task has trapped, and is on its way back to its
// program.
func (d *srcu) Int3(k *sim.K, mm *vm.MM, addr uint64) (Trap, []byte) {
	return d.tree.notifyResume(k, mm, addr)
}

// notifyResume is uprobe_notify_resume(): who finds no uprobe gets SIGTRAP.
func (t *uprobesTree) notifyResume(k *sim.K, mm *vm.MM, addr uint64) (Trap, []byte) {
	inode, offset, ok := placeOf(k, mm, addr)
	if !ok {
		return NotOurs, nil
	}
	u := t.findUprobe(k, inode, offset)
	if u == nil {
		return NotOurs, nil
	}
	defer u.put(k)
	u.handlerChain(k)
	return Handled, u.arch.step(k)
}

// uprobesCounts is inode->uprobes_count of all files. It is written under i_mutex, and
// read without a lock.
type uprobesCounts struct{ counts []*uprobesCount }

type uprobesCount struct {
	inode *pagecache.Inode
	n     sim.Word[int]
}

// InitInode gives a file its counter.
func (d *uprobesCounts) InitInode(k *sim.K, inode *pagecache.Inode) {
	c := &uprobesCount{inode: inode}
	c.n.Init(k, "inode->uprobes_count", 0)
	d.counts = append(d.counts, c)
}

// of is the counter of a file.
func (d *uprobesCounts) of(inode *pagecache.Inode) *sim.Word[int] {
	for _, c := range d.counts {
		if c.inode == inode {
			return &c.n
		}
	}
	return nil
}

// add changes the counter of a file, whose i_mutex the caller holds.
func (d *uprobesCounts) add(k *sim.K, inode *pagecache.Inode, n int) {
	d.of(inode).Write(k, d.of(inode).Read(k)+n)
}
