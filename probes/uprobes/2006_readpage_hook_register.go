package uprobes

import (
	"slices"

	"trapline/pagecache"
	"trapline/sim"
	"trapline/vm"
)

// What is around the hooks of [ReadpageHook]: how a probe comes and goes, how a breakpoint
// gets into a page and out of it, and what the trap does.

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
	umodule.userAOps.Readpages = h.uprobeReadpages // even if the file has none
	as.AOps.Write(k, &umodule.userAOps)
}

// mapUprobePage is map_uprobe_page(): it calls fn on the page, mapped into the
// kernel. The reviewer's words show that it did not wait for the page.
func (h *readpageHook) mapUprobePage(k *sim.K, page *pagecache.Page, u *uprobe, fn func(*sim.K, *uprobe, *pagecache.Page) error) error {
	if page == nil {
		return sim.EINVAL
	}
	if h.march {
		pagecache.WaitOnPageLocked(k, page)
		if !pagecache.PageUptodate(k, page) {
			return sim.EINVAL
		}
	}
	if h.waits || h.march {
		pagecache.LockPage(k, page)
		defer pagecache.UnlockPage(k, page)
	}
	return fn(k, u, page)
}

// insertKprobeUser is insert_kprobe_user(), with arch_copy_uprobe(): it saves the
// instruction and writes the breakpoint. If that is there already, it is saved as the
// opcode all the same, and an error returned (1 in the kernel).
func (h *readpageHook) insertKprobeUser(k *sim.K, u *uprobe, page *pagecache.Page) error {
	at := int(u.Offset & (pagecache.PageSize - 1))
	var kp kprobe
	copy(kp.insn[:], pagecache.ReadBytes(k, page, at, min(maxInsnSize, pagecache.PageSize-at)))
	if kp.insn[0] == int3 {
		kp = u.kp.Read(k)
		kp.opcode = int3
		u.kp.Write(k, kp)
		return sim.EEXIST
	}
	kp.opcode = kp.insn[0]
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
	if kp := oldP.kp.Read(k); page != nil && kp.opcode != int3 {
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
// and the file hooked. struct uprobe is memory of whoever registers; here it comes with
// the registration and goes with it.
func (h *readpageHook) linkUprobe(k *sim.K, p *Probe) (*uprobe, error) {
	u := &uprobe{Probe: p}
	if err := k.Kzalloc(&u.Life, "uprobe", sim.GFPKernel); err != nil {
		return nil, err
	}
	u.kp.Init(k, "uprobe->kp", kprobe{})
	u.kp.In(&u.Life)

	k.MutexLock(&h.uprobeMutex)
	err := h.addToModule(k, u)
	k.MutexUnlock(&h.uprobeMutex)
	if err != nil {
		k.Kfree(&u.Life)
		return nil, err
	}
	return u, nil
}

// addToModule adds the probe to those of its file, which nobody may write to from the
// first one on. Caller holds uprobe_mutex.
func (h *readpageHook) addToModule(k *sim.K, u *uprobe) error {
	if err := u.Inode.DenyWriteAccess(k); err != nil { // ex_write_lock()
		return err
	}
	umodule := h.getModuleByInode(k, u.Inode)
	if umodule != nil {
		u.Inode.AllowWriteAccess(k) // ex_write_unlock(): the first one has it
		if slices.ContainsFunc(umodule.ulist, func(o *uprobe) bool { return o.Offset == u.Offset }) {
			return sim.EEXIST
		}
		h.modules.Write(k)
		umodule.ulist = append(umodule.ulist, u)
		return nil
	}
	umodule = &uprobeModule{inode: u.Inode}
	if err := k.Kzalloc(&umodule.Life, "uprobe_module", sim.GFPKernel); err != nil {
		u.Inode.AllowWriteAccess(k)
		return err
	}
	h.getInodeOps(k, u, umodule)
	return nil
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

	return h.plant(k, u, page)
}

// plant is the end of register_uprobe(). -EINVAL is "no page": the hook will do it. Any
// other error is returned, and the probe stays.
func (h *readpageHook) plant(k *sim.K, u *uprobe, page *pagecache.Page) error {
	err := h.mapUprobePage(k, page, u, h.insertKprobeUser)
	if err == sim.EINVAL {
		err = nil
	}
	h.flushVma(k, u.Inode.Mapping)
	if page != nil {
		pagecache.PageCacheRelease(k, page)
	}
	return err
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
		h.flushVma(k, p.Inode.Mapping)
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
	if i < 0 {
		k.MutexUnlock(&h.uprobeMutex)
		return nil
	}
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
