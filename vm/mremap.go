package vm

import "trapline/sim"

var opMovePageTables = sim.NewOp("move_page_tables(%s)")

// Mremap is mremap(2): the oldLen bytes mapped at addr become newLen bytes, moved
// elsewhere if they must be and flags allows it, to newAddr with MremapFixed. It
// returns the address. The errors are EINVAL, EFAULT if the range is not one area,
// and ENOMEM. It takes mm->mmap_sem for writing.
func Mremap(k *sim.K, mm *MM, addr, oldLen, newLen uint64, flags MremapFlags, newAddr uint64) (uint64, error) {
	oldLen, newLen = pageAlign(oldLen), pageAlign(newLen)
	fixed, mayMove := flags&MremapFixed != 0, flags&MremapMayMove != 0
	switch {
	case flags&^(MremapFixed|MremapMayMove|MremapDontUnmap) != 0,
		fixed && !mayMove,
		flags&MremapDontUnmap != 0 && (!mayMove || oldLen != newLen),
		addr&(pageSize-1) != 0, newLen == 0,
		fixed && (newAddr&(pageSize-1) != 0 || newLen > TaskSize || newAddr > TaskSize-newLen),
		fixed && addr < newAddr+newLen && newAddr < addr+oldLen:
		return 0, sim.EINVAL
	}
	k.DownWrite(&mm.MmapSem)
	defer k.UpWrite(&mm.MmapSem)
	switch {
	case fixed:
		return mremapTo(k, mm, addr, oldLen, newLen, newAddr, flags)
	case flags&MremapDontUnmap == 0 && newLen <= oldLen:
		if FindVMA(k, mm, addr) == nil {
			return 0, sim.EFAULT
		}
		if newLen < oldLen {
			return addr, doMunmap(k, mm, addr+newLen, addr+oldLen)
		}
		return addr, nil
	}
	vma, err := mm.vmaToResize(k, addr, oldLen, newLen)
	if err != nil {
		return 0, err
	}
	if flags&MremapDontUnmap == 0 && oldLen == vma.End-addr && mm.isFree(vma.End, addr+newLen) && addr+newLen <= TaskSize {
		extendVMA(k, vma, addr+newLen)
		return addr, nil
	}
	if !mayMove {
		return 0, sim.ENOMEM
	}
	to, err := mm.getUnmappedArea(0, newLen, 0)
	if err != nil {
		return 0, err
	}
	return to, moveVMA(k, vma, addr, oldLen, newLen, to, flags)
}

// extendVMA makes an area end later, where nothing is mapped.
func extendVMA(k *sim.K, vma *VMA, end uint64) {
	vmaAdjust(k, vma, vma.Start, end, vma.Pgoff, nil)
	mergeAround(k, vma)
}

// vmaToResize is vma_to_resize(): the area that the range lies in. It returns
// EFAULT, EINVAL or ENOMEM if the range cannot become newLen bytes. The caller holds
// mm->mmap_sem.
func (mm *MM) vmaToResize(k *sim.K, addr, oldLen, newLen uint64) (*VMA, error) {
	vma := FindVMA(k, mm, addr)
	switch {
	case vma == nil:
		return nil, sim.EFAULT
	case oldLen == 0 && vma.Flags&(VMShared|VMMayShare) == 0:
		return nil, sim.EINVAL // a second view of private memory there is not
	case oldLen > vma.End-addr:
		return nil, sim.EFAULT
	case newLen > oldLen && vma.Flags&VMDontExpand != 0:
		return nil, sim.EFAULT
	case newLen > oldLen && vma.index(addr)+newLen>>pageShift < vma.index(addr):
		return nil, sim.EINVAL
	case newLen > TaskSize, newLen > oldLen && mm.AddressLimit != 0 && mm.totalVM<<pageShift+newLen-oldLen > mm.AddressLimit:
		return nil, sim.ENOMEM
	}
	return vma, nil
}

// mremapTo is mremap_to(): Mremap to a given address. The caller holds
// mm->mmap_sem for writing.
func mremapTo(k *sim.K, mm *MM, addr, oldLen, newLen, newAddr uint64, flags MremapFlags) (uint64, error) {
	if newAddr < mmapMinAddr {
		return 0, sim.EPERM
	}
	if err := doMunmap(k, mm, newAddr, newAddr+newLen); err != nil {
		return 0, err
	}
	if newLen < oldLen {
		if err := doMunmap(k, mm, addr+newLen, addr+oldLen); err != nil {
			return 0, err
		}
		oldLen = newLen
	}
	vma, err := mm.vmaToResize(k, addr, oldLen, newLen)
	if err != nil {
		return 0, err
	}
	return newAddr, moveVMA(k, vma, addr, oldLen, newLen, newAddr, flags)
}

// moveVMA is move_vma(): the range, which lies in vma, goes to an address where
// nothing is mapped. The caller holds mm->mmap_sem for writing.
func moveVMA(k *sim.K, vma *VMA, addr, oldLen, newLen, to uint64, flags MremapFlags) error {
	mm := vma.MM
	if mm.mmap.Len() >= maxMapCount-3 {
		return sim.ENOMEM
	}
	if h, ok := mm.Hooks.(SpecialMremap); ok && vma.Name != "" {
		if err := h.MremapSpecial(k, vma); err != nil {
			return err
		}
	}
	// copy_vma()
	like := *vma
	if err := like.getFile(k); err != nil {
		return err
	}
	moved, err := allocVMA(k, like, to, to+newLen, vma.index(addr))
	if err != nil {
		like.putFile(k)
		return err
	}
	vmaLink(k, moved)
	if h, ok := mm.Hooks.(MovedMmap); ok && moved.Inode != nil {
		h.MmapMoved(k, moved)
	} else {
		_ = uprobeMmap(k, moved)
	}

	movePageTables(k, mm, addr, to, oldLen)
	mergeAround(k, moved)
	if flags&MremapDontUnmap != 0 || oldLen == 0 {
		return nil
	}
	return doMunmap(k, mm, addr, addr+oldLen)
}

// movePageTables is move_page_tables(): the entries of length bytes from address
// from on become those of to. The TLBs forget the old ones before anyone can see
// the new ones. The caller holds mm->mmap_sem for writing, and the area at to comes
// after that at from among those that map the file: so a walk over them sees each
// page in one of its places.
func movePageTables(k *sim.K, mm *MM, from, to, length uint64) {
	mm.lockedStep(k, opMovePageTables, sim.Write)
	g := mm.gather(from>>pageShift, (from+length)>>pageShift)
	mm.pt.each(g.start, g.end, func(vpn uint64, e pte) {
		mm.pt.set(vpn, pte{})
		mm.moving = append(mm.moving, movingPte{vpn - g.start + to>>pageShift, e})
	})
	g.finishLocked(k, true, func() {
		for _, e := range mm.moving {
			mm.pt.set(e.vpn, e.pte)
		}
		mm.moving = nil
	})
}

// movingPte is an entry that is in no page table for the moment, and the page that
// it is going to be for.
type movingPte struct {
	vpn uint64
	pte
}
