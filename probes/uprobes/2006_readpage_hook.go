package uprobes

import (
	"fmt"

	"trapline/pagecache"
	"trapline/probes"
	"trapline/sim"
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
// unregister_uprobe, map_uprobe_page and insert_kprobe_user are those of the posts of March
// and May 2006 to linux-kernel, which are the nearest complete text. Words that
// the patch accesses without a lock are marked accesses here, so that the races
// on them can be explored. Where the February post and the later ones may differ
// (whether the table entry goes before the module or in remove_kprobe_user, where
// the mail has a hunk), the mail decides.
//
// The hooks and what they are made of are here; beside this file are what is around them
// (2006_readpage_hook_register.go), and what is known to go wrong
// (2006_readpage_hook_fails.go).
//
// Left out: the path of the file and what path_lookup() holds, several probes at one
// place (aggregate kprobes; the second one gets EEXIST), the allocation of instruction
// slots, current_uprobe, and the attempt to take mmap_sem without sleeping in the trap.
// The offset of a trap is reckoned as it should be; both posts subtract vm_pgoff.
var ReadpageHook = add(Design{
	Design: probes.Design{
		Name:  "2006-readpage-hook",
		Title: "as posted: breakpoints in the page cache, planted by hooks on readpage and readpages",
		From:  `systemtap list, Feb 2006, Prasanna S Panchamukhi, "[2/3] Userspace probes prototype-take2", with Zhang Yanmin's review`,
		Order: []string{"mm->mmap_sem", "uprobe_mutex", "kprobe_mutex", "mapping->i_mmap_lock"},
		Fails: failsOfReadpageHook,
	},
	drawn: refused,
	New:   func(k *sim.K) Scheme { return newReadpageHook(k, readpageHook{}) },
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
	// march is what was posted in March, with what the review had asked for; see
	// [ReadpageHookMarch].
	march bool
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
	if h.waits || h.march { // posted in March and in May with the offset
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
		if h.march {
			return inode.Mapping.AOps.Read(k).Readpages(k, inode, pages)
		}
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
		if h.march {
			return inode.Mapping.AOps.Read(k).Readpage(k, inode, page)
		}
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
	if !h.march {
		k.MutexLock(&h.kprobeMutex)
	}
}

func (h *readpageHook) unlockHook(k *sim.K) {
	if !h.march {
		k.MutexUnlock(&h.kprobeMutex)
	}
}

var _ = sim.Plumbing("lock_hook", "link_uprobe", "unlink_uprobe", "insert_kprobe")
