package live

import (
	"encoding/binary"
	"slices"

	"trapline/pagecache"
	"trapline/sim"
	"trapline/vm"
)

// refCtrIn is valid_ref_ctr_vma(): where the area has the counter of the probe.
func (u *uprobe) refCtrIn(vma *vm.VMA) (addr uint64, ok bool) {
	if vma.Inode == nil || vma.Inode.Name != u.file || vma.Flags&(vm.VMWrite|vm.VMShared) != vm.VMWrite {
		return 0, false
	}
	return inArea(vma, u.refCtr)
}

// updateRefCtr is update_ref_ctr(): it adds to the counter of the probe, if there
// is one, now or when it is mapped. The caller holds mm->mmap_sem for writing.
func (k *Kernel) updateRefCtr(h *sim.K, s *space, u *uprobe, d int) error {
	if u.refCtr == 0 {
		return nil
	}
	for _, vma := range vm.Areas(h, s.mm) {
		if addr, ok := u.refCtrIn(vma); ok {
			return addToCounter(h, s.mm, addr, d)
		}
	}
	if d < 0 {
		s.delayed = slices.DeleteFunc(s.delayed, func(v *uprobe) bool { return v == u })
	} else if !slices.Contains(s.delayed, u) {
		s.delayed = append(s.delayed, u)
	}
	return nil
}

// delayedRefCtrInc is delayed_ref_ctr_inc(): the area that has been mapped may hold
// counters that were waited for.
func (k *Kernel) delayedRefCtrInc(h *sim.K, s *space, vma *vm.VMA) {
	for _, u := range slices.Clone(s.delayed) {
		if addr, ok := u.refCtrIn(vma); ok {
			_ = addToCounter(h, s.mm, addr, 1) // nobody is told
			s.delayed = slices.DeleteFunc(s.delayed, func(v *uprobe) bool { return v == u })
		}
	}
}

// addToCounter is __update_ref_ctr(). A counter does not become negative.
func addToCounter(h *sim.K, mm *vm.MM, addr uint64, d int) error {
	page, _, err := vm.GetUserPage(h, mm, addr, true)
	if err != nil {
		return err
	}
	defer pagecache.PageCacheRelease(h, page)
	var b [2]byte
	off := int(addr % pageSize)
	pagecache.LoadBytes(h, page, off, b[:])
	v := int(int16(binary.LittleEndian.Uint16(b[:]))) + d
	if v < 0 {
		return sim.EINVAL
	}
	binary.LittleEndian.PutUint16(b[:], uint16(v))
	pagecache.StoreBytes(h, page, off, b[:])
	return nil
}
