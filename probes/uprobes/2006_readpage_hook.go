package uprobes

import (
	"fmt"
	"slices"

	"trapline/pagecache"
	"trapline/probes"
	"trapline/sim"
	"trapline/vm"
)

// ReadpageHook is the second prototype of SystemTap's user-space probes. There
// is one breakpoint for each place in a file, written into the page of the page
// cache, so that every process that maps the page runs into it. For a page that
// is not in memory, register_uprobe puts its own readpage and readpages in front
// of those of the file: they call the original method and then plant the
// breakpoints of the page.
//
//	uprobe_mutex         the list of probed files, and the probes of each
//	kprobe_mutex         the table of probes
//	mapping->i_mmap_lock walks over those who map the file
//	mapping->a_ops       nothing: the page cache reads it without a lock
//
// The mail holds the hooks and what it changes around them. register_uprobe,
// unregister_uprobe and map_uprobe_page are described after the posts of March
// and May 2006 to linux-kernel, which are the nearest complete text. Words that
// the patch accesses without a lock are marked accesses here, so that the races
// on them can be explored. Where the February post and the later ones may differ
// (whether the table entry goes before the module or in remove_kprobe_user, where
// the mail has a hunk), the mail decides.
//
// Left out: several probes at one place (aggregate kprobes; the second one gets
// EEXIST), the allocation of instruction slots, current_uprobe, and the attempt
// to take mmap_sem without sleeping in the trap.
var ReadpageHook = add(Design{
	Design: probes.Design{
		Name:  "2006-readpage-hook",
		Title: "as posted: breakpoints in the page cache, planted by hooks on readpage and readpages",
		From:  `systemtap list, Feb 2006, Prasanna S Panchamukhi, "[2/3] Userspace probes prototype-take2", with Zhang Yanmin's review`,
		Order: []string{"mm->mmap_sem", "uprobe_mutex", "kprobe_mutex", "mapping->i_mmap_lock"},
		Fails: []probes.Failure{
			{
				Scenario: "readpage-returns-before-uptodate", Only: probes.FirstPage,
				Title: "BUG: page touched before PG_uptodate in insert_kprobe_user",
				Why:   "the hook acts when the original readpage has returned, which only started the read",
			},
			{
				Scenario: "readpage-returns-before-uptodate",
				Title:    "BUG: probe missed in execute",
				Why:      "the read ends before the hook comes to plant the breakpoint, and a program runs through the page in between",
			},
			{
				Scenario: "waiting-for-the-page-inside-the-hook", Only: probes.FirstPage,
				Title: "BUG: page touched before PG_uptodate in insert_kprobe_user",
				Why:   "the hook does not wait, so it finds the page as the read left it",
			},
			{
				Scenario: "waiting-for-the-page-inside-the-hook", Only: probes.LaterPage,
				Title: "BUG: probe missed in execute",
				Why:   "find_page_probe is given the number of the page where it wants the offset, so the hook leaves the page alone",
			},
			{
				Scenario: "unregister-against-readpage", Only: probes.FirstPage,
				Title: "BUG: program killed by SIGTRAP in do_int3",
				Why:   "unregister_uprobe looks for the page, then the hook plants the breakpoint, then unregister_uprobe takes the probe away: the page that it did not see keeps it",
			},
			{
				Scenario: "mutex-under-i_mmap_lock",
				Title:    "BUG: sleeping function called from invalid context in remove_kprobe_user",
				Why:      "kprobe_mutex is taken in a walk under the spinlock i_mmap_lock",
			},
			{
				Scenario: "hook-after-the-last-unregister",
				Title:    "BUG: read(2) of a sound file failed in sys_read",
				Why:      "the hook finds no module and returns -EINVAL to a reader who has nothing to do with probes",
			},
			{
				Scenario: "hook-after-the-last-unregister",
				Title:    "KASAN: slab-use-after-free Read in do_generic_mapping_read",
				Why:      "the reader has loaded mapping->a_ops; the table lies in the module, which unregister_uprobe frees",
			},
			{
				Scenario: "probe-in-a-later-page",
				Title:    "BUG: probe missed in execute",
				Why:      "find_page_probe is given the number of the page where it wants the offset",
			},
			{
				Scenario: "page-read-again-after-reclaim",
				Title:    "BUG: probe missed in execute",
				Why:      "kp.opcode says that the breakpoint was planted, but the page that held it is gone",
			},
			{
				Scenario: "readahead-while-registering",
				Title:    "BUG: page touched before PG_uptodate in insert_kprobe_user",
				Why:      "neither uprobe_readpages nor register_uprobe, which finds the page in the cache, looks whether it has been read",
			},
			{
				Scenario: "readahead-while-registering",
				Title:    "BUG: probe missed in execute",
				Why:      "the reader has loaded the old readpages, and adds the page after register_uprobe has looked for it",
			},
			{
				Scenario: "trap-between-two-registrations",
				Title:    "BUG: sleeping function called from invalid context in remove_kprobe_user",
				Why:      "the page is mapped, so unregister_uprobe takes kprobe_mutex under i_mmap_lock before anything else can go wrong",
			},
			{
				Scenario: "mmap-while-registering",
				Title:    "BUG: sleeping function called from invalid context in remove_kprobe_user",
				Why:      "at its end the page is mapped and the probe goes: kprobe_mutex is taken under i_mmap_lock",
			},
			{
				Scenario: "mmap-while-registering",
				Title:    "BUG: page touched before PG_uptodate in insert_kprobe_user",
				Why:      "the page is being read for the program when register_uprobe finds it in the cache",
			},
			{
				Scenario: "mmap-while-registering", Only: probes.FirstPage,
				Title: "BUG: program killed by SIGTRAP in do_int3",
				Why:   "the hook plants the breakpoint as soon as the module is there, before register_uprobe has entered the probe into the table",
			},
			{
				Scenario: "mmap-while-registering", Only: probes.LaterPage,
				Title: "BUG: probe missed in execute",
				Why:   "find_page_probe is given the number of the page where it wants the offset",
			},
			{
				Scenario: "mmap-while-unregistering",
				Title:    "BUG: sleeping function called from invalid context in remove_kprobe_user",
				Why:      "the page is mapped by now: kprobe_mutex is taken under i_mmap_lock",
			},
			{
				Scenario: "mmap-while-unregistering",
				Title:    "BUG: page fault on a sound file failed in execute",
				Why:      "the hook finds no module and returns -EINVAL to a program that faults",
			},
			{
				Scenario: "mmap-while-unregistering",
				Title:    "KASAN: slab-use-after-free Read in page_cache_read",
				Why:      "the fault has loaded mapping->a_ops; the table lies in the module, which unregister_uprobe frees",
			},
			{
				Scenario: "mmap-while-unregistering", Only: probes.FirstPage,
				Title: "BUG: program killed by SIGTRAP in do_int3",
				Why:   "the program traps, and the probe is gone from the table before it is looked up",
			},
			{
				Scenario: "mmap-while-unregistering", Only: probes.FirstPage,
				Title: "KASAN: slab-use-after-free Read in int3",
				Why:   "the trap has found the probe, which unregister_uprobe frees without waiting for it",
			},
			{
				Scenario: "mmap-while-unregistering", Only: probes.FirstPage,
				Title: "BUG: handler called after unregister in handler",
				Why:   "nothing waits for a trap that has found the probe",
			},
			{
				Scenario: "mmap-while-unregistering", Only: probes.LaterPage,
				Title: "BUG: probe missed in execute",
				Why:   "find_page_probe is given the number of the page where it wants the offset",
			},
			{
				Scenario: "munmap-while-registering",
				Title:    "BUG: sleeping function called from invalid context in remove_kprobe_user",
				Why:      "as in mutex-under-i_mmap_lock",
			},
			{
				Scenario: "register-while-the-last-one-goes", Only: probes.FirstPage,
				Title: "BUG: sleeping function called from invalid context in remove_kprobe_user",
				Why:   "as in mutex-under-i_mmap_lock",
			},
			{
				Scenario: "register-while-the-last-one-goes", Only: probes.LaterPage,
				Title: "BUG: probe missed in execute",
				Why:   "find_page_probe is given the number of the page where it wants the offset",
			},
			{
				Scenario: "fork-while-registering", Only: probes.FirstPage,
				Title: "BUG: sleeping function called from invalid context in remove_kprobe_user",
				Why:   "the page is mapped when the probe goes: kprobe_mutex is taken under i_mmap_lock",
			},
			{
				Scenario: "fork-while-registering", Only: probes.LaterPage,
				Title: "BUG: probe missed in execute",
				Why:   "find_page_probe is given the number of the page where it wants the offset",
			},
			{
				Scenario: "fork-while-unregistering",
				Title:    "BUG: sleeping function called from invalid context in remove_kprobe_user",
				Why:      "the page is mapped when the probe goes: kprobe_mutex is taken under i_mmap_lock",
			},
			{
				Scenario: "fork-while-unregistering",
				Title:    "BUG: page fault on a sound file failed in execute",
				Why:      "the hook finds no module and returns -EINVAL to a program that faults",
			},
			{
				Scenario: "fork-while-unregistering",
				Title:    "KASAN: slab-use-after-free Read in page_cache_read",
				Why:      "the fault has loaded mapping->a_ops; the table lies in the module, which unregister_uprobe frees",
			},
			{
				Scenario: "fork-while-unregistering", Only: probes.FirstPage,
				Title: "BUG: program killed by SIGTRAP in do_int3",
				Why:   "the program traps, and the probe is gone from the table before it is looked up",
			},
			{
				Scenario: "fork-while-unregistering", Only: probes.FirstPage,
				Title: "KASAN: slab-use-after-free Read in int3",
				Why:   "the trap has found the probe, which unregister_uprobe frees without waiting for it",
			},
			{
				Scenario: "fork-while-unregistering", Only: probes.FirstPage,
				Title: "BUG: handler called after unregister in handler",
				Why:   "nothing waits for a trap that has found the probe",
			},
			{
				Scenario: "fork-while-unregistering", Only: probes.LaterPage,
				Title: "BUG: probe missed in execute",
				Why:   "find_page_probe is given the number of the page where it wants the offset",
			},
			{
				Scenario: "munmap-while-trapped",
				Title:    "BUG: program killed by SIGTRAP in do_int3",
				Why:      "the text is unmapped when the trap looks for its area, and the trap is then left to the program",
			},
			{
				Scenario: "owner-frees-after-unregister",
				Title:    "BUG: sleeping function called from invalid context in remove_kprobe_user",
				Why:      "the page is mapped when the probe goes: kprobe_mutex is taken under i_mmap_lock",
			},
			{
				Scenario: "second-process-maps-while-registering",
				Title:    "BUG: sleeping function called from invalid context in remove_kprobe_user",
				Why:      "the page is mapped when the probe goes: kprobe_mutex is taken under i_mmap_lock",
			},
			{
				Scenario: "thread-maps-while-another-unmaps", Only: probes.FirstPage,
				Title: "BUG: sleeping function called from invalid context in remove_kprobe_user",
				Why:   "the page is mapped when the probe goes: kprobe_mutex is taken under i_mmap_lock",
			},
			{
				Scenario: "thread-maps-while-another-unmaps",
				Title:    "BUG: page touched before PG_uptodate in insert_kprobe_user",
				Why:      "register_uprobe finds the page in the cache while it is being read",
			},
			{
				Scenario: "thread-maps-while-another-unmaps", Only: probes.LaterPage,
				Title: "BUG: probe missed in execute",
				Why:   "find_page_probe is given the number of the page where it wants the offset",
			},
			{
				Scenario: "invalidate-while-registering",
				Title:    "BUG: probe missed in execute",
				Why:      "the page was dropped after it was found, and the breakpoint is in a page that is no longer in the file; or it was dropped later, and kp.opcode says that the breakpoint is there",
			},
			{
				Scenario: "invalidate-while-registering", Only: probes.FirstPage,
				Title: "BUG: sleeping function called from invalid context in remove_kprobe_user",
				Why:   "the page is mapped when the probe goes: kprobe_mutex is taken under i_mmap_lock",
			},
			{
				Scenario: "text-after-a-read-error", Only: probes.FirstPage,
				Title: "BUG: program text corrupted in must_be_original",
				Why:   "what the hook saves is what somebody has left in the page; the read fails, the next one brings the text, and unregister_uprobe writes over it",
			},
			{
				Scenario: "unregister-after-a-read-error", Only: probes.FirstPage,
				Title: "BUG: page touched before PG_uptodate in insert_kprobe_user",
				Why:   "the hook does not wait for the read",
			},
			{
				Scenario: "mmap-without-memory",
				Title:    "BUG: sleeping function called from invalid context in remove_kprobe_user",
				Why:      "kprobe_mutex is taken in a walk under the spinlock i_mmap_lock",
			},
			{
				Scenario: "text-mapped-again",
				Title:    "BUG: sleeping function called from invalid context in remove_kprobe_user",
				Why:      "kprobe_mutex is taken in a walk under the spinlock i_mmap_lock",
			},
		},
	},
	New: func(k *sim.K) Scheme { return newReadpageHook(k, readpageHook{}) },
})

// int3 is BREAKPOINT_INSTRUCTION.
const int3 = 0xcc

// maxInsnSize is MAX_INSN_SIZE, the length of an instruction slot.
const maxInsnSize = 16

// uprobe is struct uprobe with the struct kprobe in it.
type uprobe struct {
	sim.Life
	*Probe
	// kp is kp.opcode and the instruction slot. The opcode doubles as the flag
	// for "inserted": it is zero before. Protected by nothing.
	kp sim.Word[kprobe]
}

// kprobe is what an insertion saves.
type kprobe struct {
	opcode byte
	insn   [maxInsnSize]byte
}

// String shows the opcode.
func (kp kprobe) String() string { return fmt.Sprintf("{opcode %02x}", kp.opcode) }

// uprobeModule is struct uprobe_module: one for each probed file.
type uprobeModule struct {
	sim.Life
	inode   *pagecache.Inode
	ulist   []*uprobe       // protected by uprobe_mutex
	oriAOps *pagecache.AOps // the file's own methods
	// userAOps is a copy of them with the hooks in place. It lies in the
	// module, and dies with it.
	userAOps pagecache.AOps
}

type readpageHook struct {
	uprobeMutex sim.Mutex
	modules     sim.Data // protected by uprobe_mutex, with the lists of probes
	moduleList  []*uprobeModule

	kprobeMutex sim.Mutex
	table       sim.Object // written under kprobe_mutex, read by the trap
	uprobeTable []*uprobe

	// waits makes map_uprobe_page lock the page; see [ReadpageHookWait].
	waits bool
	// looks makes it first wait for the page and look at it; see [ReadpageHookMarch].
	looks bool
}

var (
	opTableAdd  = sim.NewOp("hlist_add_head_rcu(&%s)")
	opTableDel  = sim.NewOp("hlist_del_rcu(&%s)")
	opTableFind = sim.NewOp("get_kprobe_user(&%s)")
)

func newReadpageHook(k *sim.K, rules readpageHook) *readpageHook {
	h := &rules
	k.MutexInit(&h.uprobeMutex, "uprobe_mutex")
	k.MutexInit(&h.kprobeMutex, "kprobe_mutex")
	h.modules.Init(k, "uprobe_module_list")
	h.table.Init(k, "uprobe_table")
	return h
}

// getModuleByInode is get_module_by_inode(). Caller holds uprobe_mutex.
func (h *readpageHook) getModuleByInode(k *sim.K, inode *pagecache.Inode) *uprobeModule {
	h.modules.Read(k)
	for _, umodule := range h.moduleList {
		if umodule.inode == inode {
			return umodule
		}
	}
	return nil
}

// findPageProbe is find_page_probe(): whether an offset lies in the page that
// starts at the other.
func findPageProbe(offset, pageStart int64) bool {
	return offset >= pageStart && offset < pageStart+pagecache.PageSize
}

// insertReadpageUprobe is insert_readpage_uprobe(). The first argument of
// find_page_probe is the number of the page, where it should be the offset: so
// the test fails for every page but the first (the reviewer's second remark).
func (h *readpageHook) insertReadpageUprobe(k *sim.K, page *pagecache.Page, mapping *pagecache.Mapping, u *uprobe) {
	offset := u.Offset >> pagecache.PageShift
	if h.waits || h.looks { // posted in March and in May with the offset
		offset = u.Offset
	}
	if findPageProbe(offset, int64(page.Index)<<pagecache.PageShift) {
		_ = h.mapUprobePage(k, page, u, h.insertKprobeUser)
		h.flushVma(k, mapping)
	}
}

// uprobeReadpages is uprobe_readpages(), the hook.
func (h *readpageHook) uprobeReadpages(k *sim.K, inode *pagecache.Inode, pages []*pagecache.Page) error {
	k.MutexLock(&h.uprobeMutex)
	defer k.MutexUnlock(&h.uprobeMutex)

	umodule := h.getModuleByInode(k, inode)
	if umodule == nil {
		return sim.EINVAL // "we don't have a module associated with this file.. Aborting"
	}

	// call original readpages()
	if err := umodule.oriAOps.Readpages(k, inode, pages); err != nil {
		return err
	}

	// "TODO: Walk through readpages page list and get pages with probes instead
	// of find_get_page()."
	h.lockHook(k)
	for _, u := range umodule.ulist {
		page := pagecache.FindGetPage(k, inode.Mapping, uint64(u.Offset)>>pagecache.PageShift)
		if page == nil {
			continue
		}
		if u.kp.Read(k).opcode == 0 {
			h.insertReadpageUprobe(k, page, inode.Mapping, u)
		}
		pagecache.PageCacheRelease(k, page)
	}
	h.unlockHook(k)
	return nil
}

// uprobeReadpage is uprobe_readpage(), the hook. The page cache calls it with
// the page locked and not up to date.
func (h *readpageHook) uprobeReadpage(k *sim.K, inode *pagecache.Inode, page *pagecache.Page) error {
	k.MutexLock(&h.uprobeMutex)
	defer k.MutexUnlock(&h.uprobeMutex)

	umodule := h.getModuleByInode(k, inode)
	if umodule == nil {
		return sim.EINVAL // "we don't have a module associated with this file.. Aborting"
	}

	// call original readpage()
	if err := umodule.oriAOps.Readpage(k, inode, page); err != nil {
		return err
	}

	h.lockHook(k)
	for _, u := range umodule.ulist {
		if u.kp.Read(k).opcode == 0 {
			h.insertReadpageUprobe(k, page, inode.Mapping, u)
		}
	}
	h.unlockHook(k)
	return nil
}

// lockHook is the kprobe_mutex of the hooks, which they have no more in March.
func (h *readpageHook) lockHook(k *sim.K) {
	if !h.looks {
		k.MutexLock(&h.kprobeMutex)
	}
}

func (h *readpageHook) unlockHook(k *sim.K) {
	if !h.looks {
		k.MutexUnlock(&h.kprobeMutex)
	}
}

var _ = sim.Plumbing("lock_hook", "link_uprobe", "unlink_uprobe", "insert_kprobe")

// getInodeOps is get_inode_ops(): the first probe of a file puts the hooks in
// place. Caller holds uprobe_mutex.
func (h *readpageHook) getInodeOps(k *sim.K, u *uprobe, umodule *uprobeModule) {
	umodule.ulist = []*uprobe{u}
	h.modules.Write(k)
	h.moduleList = append(h.moduleList, umodule)
	as := umodule.inode.Mapping
	umodule.oriAOps = as.AOps.Read(k)
	umodule.userAOps = *umodule.oriAOps
	umodule.userAOps.Name = "user_a_ops"
	umodule.userAOps.Life = &umodule.Life
	umodule.userAOps.Readpage = h.uprobeReadpage
	if umodule.oriAOps.Readpages != nil {
		umodule.userAOps.Readpages = h.uprobeReadpages
	}
	as.AOps.Write(k, &umodule.userAOps)
}

// mapUprobePage is map_uprobe_page(): it calls fn on the page, mapped into the
// kernel. The reviewer's words show that it did not wait for the page.
func (h *readpageHook) mapUprobePage(k *sim.K, page *pagecache.Page, u *uprobe, fn func(*sim.K, *uprobe, *pagecache.Page) error) error {
	if page == nil {
		return sim.EINVAL
	}
	if h.looks {
		pagecache.WaitOnPageLocked(k, page)
		if !pagecache.PageUptodate(k, page) {
			return sim.EINVAL
		}
	}
	if h.waits || h.looks {
		pagecache.LockPage(k, page)
		defer pagecache.UnlockPage(k, page)
	}
	return fn(k, u, page)
}

// insertKprobeUser is insert_kprobe_user(): it saves the instruction and writes
// the breakpoint.
func (h *readpageHook) insertKprobeUser(k *sim.K, u *uprobe, page *pagecache.Page) error {
	at := int(u.Offset & (pagecache.PageSize - 1))
	var kp kprobe
	n := copy(kp.insn[:], pagecache.ReadBytes(k, page, at, min(maxInsnSize, pagecache.PageSize-at)))
	kp.opcode = kp.insn[0]
	if n > 0 && kp.opcode == int3 {
		return sim.EEXIST
	}
	u.kp.Write(k, kp)
	pagecache.WriteByte(k, page, at, int3)
	return nil
}

// getKprobeUser is get_kprobe_user(): the probe at a place in a file, nil if
// there is none.
func (h *readpageHook) getKprobeUser(k *sim.K, inode *pagecache.Inode, offset int64) *uprobe {
	k.Step(opTableFind, &h.table, sim.Read)
	for _, u := range h.uprobeTable {
		if u.Inode == inode && u.Offset == offset {
			return u
		}
	}
	return nil
}

// removeKprobeUser is remove_kprobe_user(): it takes the probe out of the table
// and, if the page is in memory, writes the instruction back.
// "TODO: change it to spin lock, we enter here holding i_mmap_lock"
func (h *readpageHook) removeKprobeUser(k *sim.K, u *uprobe, page *pagecache.Page) error {
	k.MutexLock(&h.kprobeMutex)
	defer k.MutexUnlock(&h.kprobeMutex)
	oldP := h.getKprobeUser(k, u.Inode, u.Offset)
	if oldP == nil {
		return nil
	}
	k.Step(opTableDel, &h.table, sim.Write)
	h.uprobeTable = slices.DeleteFunc(h.uprobeTable, func(o *uprobe) bool { return o == oldP })
	if kp := oldP.kp.Read(k); page != nil && kp.opcode != 0 && kp.opcode != int3 {
		pagecache.WriteByte(k, page, int(u.Offset&(pagecache.PageSize-1)), kp.opcode)
	}
	return nil
}

// flushVma is flush_vma(): it flushes the instruction cache for everyone who
// maps the file. Flushing itself has no effect here: every CPU sees the text as
// it is in memory.
func (h *readpageHook) flushVma(k *sim.K, mapping *pagecache.Mapping) {
	k.SpinLock(&mapping.IMmapLock)
	k.SpinUnlock(&mapping.IMmapLock)
}

// linkUprobe is the part of register_uprobe() that makes the probe known to its module,
// and the file hooked.
func (h *readpageHook) linkUprobe(k *sim.K, p *Probe) (*uprobe, error) {
	k.MutexLock(&h.uprobeMutex)
	umodule := h.getModuleByInode(k, p.Inode)
	if umodule != nil && slices.ContainsFunc(umodule.ulist, func(u *uprobe) bool { return u.Offset == p.Offset }) {
		k.MutexUnlock(&h.uprobeMutex)
		return nil, sim.EEXIST
	}
	u := &uprobe{Probe: p}
	if err := k.Kzalloc(&u.Life, "uprobe", sim.GFPKernel); err != nil {
		k.MutexUnlock(&h.uprobeMutex)
		return nil, err
	}
	u.kp.Init(k, "uprobe->kp", kprobe{})
	u.kp.In(&u.Life)
	if umodule == nil {
		if err := p.Inode.DenyWriteAccess(k); err != nil {
			k.Kfree(&u.Life)
			k.MutexUnlock(&h.uprobeMutex)
			return nil, err
		}
		umodule = &uprobeModule{inode: p.Inode}
		if err := k.Kzalloc(&umodule.Life, "uprobe_module", sim.GFPKernel); err != nil {
			p.Inode.AllowWriteAccess(k)
			k.Kfree(&u.Life)
			k.MutexUnlock(&h.uprobeMutex)
			return nil, err
		}
		h.getInodeOps(k, u, umodule)
	} else {
		h.modules.Write(k)
		umodule.ulist = append(umodule.ulist, u)
	}
	k.MutexUnlock(&h.uprobeMutex)
	return u, nil
}

// RegisterUprobe is register_uprobe().
func (h *readpageHook) RegisterUprobe(k *sim.K, p *Probe) error {
	u, err := h.linkUprobe(k, p)
	if err != nil {
		return err
	}

	page := pagecache.FindGetPage(k, p.Inode.Mapping, uint64(p.Offset)>>pagecache.PageShift)

	k.MutexLock(&h.kprobeMutex)
	k.Step(opTableAdd, &h.table, sim.Write)
	h.uprobeTable = append(h.uprobeTable, u)
	k.MutexUnlock(&h.kprobeMutex)

	// -EINVAL is "no page": the hook will do it.
	_ = h.mapUprobePage(k, page, u, h.insertKprobeUser)
	if page != nil {
		h.flushVma(k, p.Inode.Mapping)
		pagecache.PageCacheRelease(k, page)
	}
	return nil
}

// UnregisterUprobe is unregister_uprobe().
func (h *readpageHook) UnregisterUprobe(k *sim.K, p *Probe) {
	page := pagecache.FindGetPage(k, p.Inode.Mapping, uint64(p.Offset)>>pagecache.PageShift)

	u := h.unlinkUprobe(k, p)
	if u == nil {
		return
	}
	if page == nil {
		_ = h.removeKprobeUser(k, u, nil)
	} else {
		h.removeFromAll(k, u, page)
		pagecache.PageCacheRelease(k, page)
	}
	k.Kfree(&u.Life)
}

// unlinkUprobe is the part of unregister_uprobe() that takes the probe off the list of
// its module, and the module down with the last one. It returns nil if there is none.
func (h *readpageHook) unlinkUprobe(k *sim.K, p *Probe) *uprobe {
	k.MutexLock(&h.uprobeMutex)
	umodule := h.getModuleByInode(k, p.Inode)
	if umodule == nil {
		k.MutexUnlock(&h.uprobeMutex)
		return nil
	}
	i := slices.IndexFunc(umodule.ulist, func(u *uprobe) bool { return u.Probe == p })
	u := umodule.ulist[i]
	h.modules.Write(k)
	umodule.ulist = slices.Delete(umodule.ulist, i, i+1)
	if len(umodule.ulist) == 0 {
		h.moduleList = slices.DeleteFunc(h.moduleList, func(o *uprobeModule) bool { return o == umodule })
		p.Inode.Mapping.AOps.Write(k, umodule.oriAOps)
		p.Inode.AllowWriteAccess(k)
		k.Kfree(&umodule.Life)
	}
	k.MutexUnlock(&h.uprobeMutex)
	return u
}

// removeFromAll walks over all who map the file to have the breakpoint removed.
// The first one does it for the others.
func (h *readpageHook) removeFromAll(k *sim.K, u *uprobe, page *pagecache.Page) {
	mapping := u.Inode.Mapping
	k.SpinLock(&mapping.IMmapLock)
	vmas := vm.Mappings(k, mapping)
	for range vmas {
		_ = h.mapUprobePage(k, page, u, h.removeKprobeUser)
	}
	k.SpinUnlock(&mapping.IMmapLock)
	if len(vmas) == 0 {
		_ = h.mapUprobePage(k, page, u, h.removeKprobeUser)
	}
}

// Int3 is uprobe_handler(), called for the int3 exception.
func (h *readpageHook) Int3(k *sim.K, mm *vm.MM, addr uint64) (Trap, []byte) {
	inode, offset, ok := placeOf(k, mm, addr)
	if !ok {
		return NotOurs, nil
	}
	u := h.getKprobeUser(k, inode, offset)
	if u == nil {
		return NotOurs, nil
	}
	kp := u.kp.Read(k)
	u.Handler(k)
	return Handled, kp.insn[:]
}

// placeOf is the place in a file that an address of mm stands for.
func placeOf(k *sim.K, mm *vm.MM, addr uint64) (inode *pagecache.Inode, offset int64, ok bool) {
	k.DownRead(&mm.MmapSem)
	defer k.UpRead(&mm.MmapSem)
	vma := vm.FindVMA(k, mm, addr)
	if vma == nil {
		return nil, 0, false
	}
	return vma.Inode, int64(addr-vma.Start) + int64(vma.Pgoff)<<pagecache.PageShift, true
}
