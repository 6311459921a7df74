package uprobes

import (
	"slices"

	"trapline/pagecache"
	"trapline/probes"
	"trapline/sim"
	"trapline/vm"
)

// ReadpageHookRepaired is ReadpageHook made to work, with as little changed as
// possible: there is still one breakpoint for each place in a file, in the page
// of the page cache, and still a hook for pages that are not in memory.
//
//   - The hook acts when the read has ended and not when it was started: it puts
//     its own function in front of the end of the read, which runs while the
//     page is still locked and not yet up to date. So nobody can see the page
//     without its breakpoints, and nobody waits.
//   - The end of a read may be an interrupt. The table of probes and the text of
//     pages are therefore under a spinlock taken with interrupts off. The trap
//     calls the handlers under it too, so that unregister_uprobe, which takes
//     it, returns only when no handler is running.
//   - "Inserted" is a state of each page, read off its text, and no longer a
//     flag of the probe: a page that was dropped is patched when it is read
//     again.
//   - unregister_uprobe first marks the probe as dying, which keeps new pages
//     free of it, then looks for the page and waits for a read of it to end, and
//     then, at one go, restores the instruction and takes the probe out of the
//     table. A breakpoint in the text always has its probe in the table; a task
//     that trapped just before finds the text restored and tries again.
//   - The methods with the hook are those of the inode from its beginning and
//     stay in place: methods that are replaced while the file is in use can be
//     freed under a caller, and a caller who has loaded the old readpages may add
//     its pages after register_uprobe has looked for them.
//   - The mapping and PG_uptodate are looked at only under the page lock.
//
// Its readpage stands for that of the file system with the function put in front
// of the end of the read; every file system here reads by submitting a bio.
//
// What no repair within this design can change: read(2) returns the breakpoint,
// and a page that a process has copied by writing to it keeps the state of the
// breakpoint at that moment.
var ReadpageHookRepaired = add(Design{
	Design: probes.Design{
		Name:  "2006-readpage-hook-repaired",
		Title: "repaired: the hook acts at the end of the read, under a spinlock",
		From:  "trapline, from the review of the February 2006 post and what the explorer found in it",
		Order: []string{"uprobe_mutex", "uprobe_lock"},
		Fails: []probes.Failure{
			{
				Scenario: "handler-reads-user-memory",
				Title:    "BUG: sleeping function called from invalid context in int3",
				Why:      "handlers are called under a spinlock, with interrupts off: they must not sleep",
			},
		},
	},
	New: newReadpageHookRepaired,
})

type readpageHookRepaired struct {
	uprobeMutex sim.Mutex // register_uprobe and unregister_uprobe, one at a time

	// uprobeLock protects the table, and with it the breakpoints in the text of
	// all pages. It is taken by interrupts.
	uprobeLock  sim.SpinLock
	table       sim.Data
	uprobeTable []*repairedUprobe

	aops pagecache.AOps
}

// repairedUprobe is a probe in the table.
type repairedUprobe struct {
	sim.Life
	*Probe
	insn  []byte // the instruction, once a page that holds it was seen
	dying bool   // no page may be given the breakpoint any more
}

func newReadpageHookRepaired(k *sim.K) Scheme {
	h := &readpageHookRepaired{}
	k.MutexInit(&h.uprobeMutex, "uprobe_mutex")
	k.SpinLockInit(&h.uprobeLock, "uprobe_lock")
	h.table.Init(k, "uprobe_table")
	h.aops = pagecache.AOps{Name: "uprobe_aops", Readpage: h.uprobeReadpage, Readpages: h.uprobeReadpages}
	return h
}

// InitInode gives a file the methods with the hook.
func (h *readpageHookRepaired) InitInode(k *sim.K, inode *pagecache.Inode) {
	inode.Mapping.AOps.Write(k, &h.aops)
}

// uprobeReadpage is the hook: it starts the read and returns, as readpage must.
func (h *readpageHookRepaired) uprobeReadpage(k *sim.K, inode *pagecache.Inode, page *pagecache.Page) error {
	pagecache.SubmitRead(k, inode, page, h.uprobeEndIO(inode))
	return nil
}

// uprobeReadpages is the hook for several pages.
func (h *readpageHookRepaired) uprobeReadpages(k *sim.K, inode *pagecache.Inode, pages []*pagecache.Page) error {
	for _, page := range pages {
		if pagecache.AddToPageCache(k, page, inode.Mapping, page.Index) == nil {
			pagecache.SubmitRead(k, inode, page, h.uprobeEndIO(inode))
		}
		pagecache.PageCacheRelease(k, page)
	}
	return nil
}

// uprobeEndIO ends a read of the inode: the page is given its breakpoints before
// it becomes up to date. It may run in an interrupt.
func (h *readpageHookRepaired) uprobeEndIO(inode *pagecache.Inode) pagecache.EndIO {
	return func(k *sim.K, page *pagecache.Page, err error) {
		if err == nil {
			flags := k.SpinLockIRQSave(&h.uprobeLock)
			h.table.Read(k)
			for _, u := range h.uprobeTable {
				if u.Inode == inode && findPageProbe(u.Offset, int64(page.Index)<<pagecache.PageShift) {
					h.insertBreakpoint(k, u, page)
				}
			}
			k.SpinUnlockIRQRestore(&h.uprobeLock, flags)
		}
		pagecache.MpageEndIORead(k, page, err)
	}
}

// insertBreakpoint saves the instruction and writes the breakpoint, unless it is
// there already or the probe is going. Caller holds uprobe_lock, and the page is
// its own or locked.
func (h *readpageHookRepaired) insertBreakpoint(k *sim.K, u *repairedUprobe, page *pagecache.Page) {
	at := int(u.Offset & (pagecache.PageSize - 1))
	insn := pagecache.ReadBytes(k, page, at, min(maxInsnSize, pagecache.PageSize-at))
	if u.dying || insn[0] == int3 {
		return
	}
	h.table.Write(k)
	u.insn = insn
	pagecache.WriteByte(k, page, at, int3)
}

// lockedPage is the page of a probe, locked and referenced, if it is in memory,
// still belongs to the file, and is up to date. Caller may sleep.
func lockedPage(k *sim.K, p *Probe) *pagecache.Page {
	page := pagecache.FindGetPage(k, p.Inode.Mapping, uint64(p.Offset)>>pagecache.PageShift)
	if page == nil {
		return nil
	}
	pagecache.LockPage(k, page) // waits for a read of the page to end
	if page.Mapping.Get(k) == p.Inode.Mapping && pagecache.PageUptodate(k, page) {
		return page
	}
	putLocked(k, page)
	return nil
}

func putLocked(k *sim.K, page *pagecache.Page) {
	pagecache.UnlockPage(k, page)
	pagecache.PageCacheRelease(k, page)
}

// find is the probe in the table that was made for p. Caller holds uprobe_lock.
func (h *readpageHookRepaired) find(k *sim.K, inode *pagecache.Inode, offset int64) *repairedUprobe {
	h.table.Read(k)
	for _, u := range h.uprobeTable {
		if u.Inode == inode && u.Offset == offset {
			return u
		}
	}
	return nil
}

// RegisterUprobe puts the probe into the table, from where on every page that is
// read is given the breakpoint, and then sees to the page that is there already.
func (h *readpageHookRepaired) RegisterUprobe(k *sim.K, p *Probe) error {
	k.MutexLock(&h.uprobeMutex)
	defer k.MutexUnlock(&h.uprobeMutex)

	u := &repairedUprobe{Probe: p}
	if err := k.Kzalloc(&u.Life, "uprobe", sim.GFPKernel); err != nil {
		return err
	}
	if err := p.Inode.DenyWriteAccess(k); err != nil {
		k.Kfree(&u.Life)
		return err
	}
	flags := k.SpinLockIRQSave(&h.uprobeLock)
	taken := h.find(k, p.Inode, p.Offset) != nil
	if !taken {
		h.table.Write(k)
		h.uprobeTable = append(h.uprobeTable, u)
	}
	k.SpinUnlockIRQRestore(&h.uprobeLock, flags)
	if taken {
		p.Inode.AllowWriteAccess(k)
		k.Kfree(&u.Life)
		return sim.EEXIST
	}
	page := lockedPage(k, p)
	if page == nil {
		return nil // whoever reads it will plant the breakpoint
	}
	flags = k.SpinLockIRQSave(&h.uprobeLock)
	h.insertBreakpoint(k, u, page)
	planted := u.insn != nil
	k.SpinUnlockIRQRestore(&h.uprobeLock, flags)
	putLocked(k, page)
	if !planted {
		// The instruction is itself a breakpoint.
		h.remove(k, u)
		return sim.EINVAL
	}
	return nil
}

// remove takes a probe out of the table and frees it. Caller holds uprobe_mutex.
func (h *readpageHookRepaired) remove(k *sim.K, u *repairedUprobe) {
	flags := k.SpinLockIRQSave(&h.uprobeLock)
	h.table.Write(k)
	h.uprobeTable = slices.DeleteFunc(h.uprobeTable, func(o *repairedUprobe) bool { return o == u })
	k.SpinUnlockIRQRestore(&h.uprobeLock, flags)
	u.Inode.AllowWriteAccess(k)
	k.Kfree(&u.Life)
}

// UnregisterUprobe takes the probe away. The handler is not called again once it
// has returned, and no page holds the breakpoint.
func (h *readpageHookRepaired) UnregisterUprobe(k *sim.K, p *Probe) {
	k.MutexLock(&h.uprobeMutex)
	defer k.MutexUnlock(&h.uprobeMutex)

	flags := k.SpinLockIRQSave(&h.uprobeLock)
	u := h.find(k, p.Inode, p.Offset)
	if u != nil && u.Probe == p {
		h.table.Write(k)
		u.dying = true
	}
	k.SpinUnlockIRQRestore(&h.uprobeLock, flags)
	if u == nil || u.Probe != p {
		return
	}

	page := lockedPage(k, p)
	flags = k.SpinLockIRQSave(&h.uprobeLock)
	at := int(p.Offset & (pagecache.PageSize - 1))
	if page != nil && u.insn != nil && pagecache.ReadByte(k, page, at) == int3 {
		pagecache.WriteByte(k, page, at, u.insn[0])
	}
	h.table.Write(k)
	h.uprobeTable = slices.DeleteFunc(h.uprobeTable, func(o *repairedUprobe) bool { return o == u })
	k.SpinUnlockIRQRestore(&h.uprobeLock, flags)
	if page != nil {
		putLocked(k, page)
	}
	p.Inode.AllowWriteAccess(k)
	k.Kfree(&u.Life)
}

// Int3 calls the handler under uprobe_lock. A trap without a probe is ours all
// the same if the breakpoint is gone from the text, as it then was removed after
// the task had fetched it.
func (h *readpageHookRepaired) Int3(k *sim.K, mm *vm.MM, addr uint64) (Trap, []byte) {
	inode, offset, ok := placeOf(k, mm, addr)
	if !ok {
		return Restart, nil // unmapped meanwhile: the program faults
	}
	flags := k.SpinLockIRQSave(&h.uprobeLock)
	defer k.SpinUnlockIRQRestore(&h.uprobeLock, flags)
	u := h.find(k, inode, offset)
	if u == nil || u.insn == nil {
		// No page has held a breakpoint of the probe that is there now.
		if b, mapped := vm.Fetch(k, mm, addr); mapped && b == int3 {
			return NotOurs, nil
		}
		return Restart, nil
	}
	if !u.dying {
		u.Handler(k)
	}
	return Handled, u.insn
}
