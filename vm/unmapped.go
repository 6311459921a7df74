package vm

import "trapline/sim"

// getUnmappedArea is get_unmapped_area(): where a new area of length bytes goes.
// With MapFixed that is addr, whatever is there; otherwise addr is a hint. It
// returns ENOMEM if there is no room, EINVAL and EPERM for an address that cannot
// be. The caller holds mm->mmap_sem.
func (mm *MM) getUnmappedArea(addr, length uint64, flags MapFlags) (uint64, error) {
	if flags&MapFixed != 0 {
		switch {
		case addr > TaskSize-length:
			return 0, sim.ENOMEM
		case addr&(pageSize-1) != 0:
			return 0, sim.EINVAL
		case addr < mmapMinAddr:
			return 0, sim.EPERM
		}
		return addr, nil
	}
	if addr = pageAlign(addr); addr != 0 {
		addr = max(addr, mmapMinAddr)
		if addr <= TaskSize-length && mm.isFree(addr, addr+length) {
			return addr, nil
		}
	}
	if flags&Map32Bit != 0 { // find_start_end() of sys_x86_64.c
		return mm.lowestGap(length, 0x40000000, 0x80000000)
	}
	if at, ok := mm.highestGap(length, mm.MmapBase); ok {
		return at, nil
	}
	return mm.lowestGap(length, TaskSize/3&^(pageSize-1), TaskSize)
}

// isFree says whether a new area can lie there. A stack above has room to grow.
func (mm *MM) isFree(start, end uint64) bool {
	if below := mm.vmaBelow(start); below != nil && below.End > start {
		return false
	}
	above := mm.vmaAbove(start)
	return above == nil || end <= above.startGap()
}

// startGap is vm_start_gap(): how near another area may come from below.
func (vma *VMA) startGap() uint64 {
	if vma.Flags&VMGrowsDown == 0 {
		return vma.Start
	}
	return vma.Start - min(vma.Start, stackGuardGap)
}

// highestGap is unmapped_area_topdown(): the highest place below limit.
func (mm *MM) highestGap(length, limit uint64) (addr uint64, ok bool) {
	if above := mm.vmaAbove(limit); above != nil {
		limit = min(limit, above.startGap())
	}
	mm.mmap.DescendLessOrEqual(&VMA{Start: limit}, func(vma *VMA) bool {
		ok = vma.End <= limit && limit-vma.End >= length
		if !ok {
			limit = min(limit, vma.startGap())
		}
		return !ok
	})
	if ok || limit >= mmapMinAddr+length {
		return limit - length, true
	}
	return 0, false
}

// lowestGap is unmapped_area(): the lowest place from low up to high.
func (mm *MM) lowestGap(length, low, high uint64) (uint64, error) {
	if below := mm.vmaBelow(low); below != nil {
		low = max(low, below.End)
	}
	mm.mmap.AscendGreaterOrEqual(&VMA{Start: low}, func(vma *VMA) bool {
		if vma.startGap() >= low && vma.startGap()-low >= length {
			return false
		}
		low = max(low, vma.End)
		return true
	})
	if low > high || high-low < length {
		return 0, sim.ENOMEM
	}
	return low, nil
}
