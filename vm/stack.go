package vm

import "trapline/sim"

// stackAbove is the next area above addr if it is one that grows down, nil if it
// is not. The caller holds mm->mmap_sem and has called FindVMA.
func (mm *MM) stackAbove(addr uint64) *VMA {
	if vma := mm.vmaAbove(addr); vma != nil && vma.Flags&VMGrowsDown != 0 {
		return vma
	}
	return nil
}

// growStack extends the stack above addr down to it, with mm->mmap_sem taken for
// writing. It returns a [*Fault] if that cannot be.
func growStack(k *sim.K, mm *MM, addr uint64) error {
	k.DownWrite(&mm.MmapSem)
	defer k.UpWrite(&mm.MmapSem)
	mm.mmapData.Read(k)
	if mm.vmaAt(addr) != nil {
		return nil // another thread was faster
	}
	vma := mm.stackAbove(addr)
	if vma == nil {
		return &Fault{SIGSEGV, SegvMaperr, addr}
	}
	return expandStack(k, vma, addr)
}

// expandStack is expand_downwards() with acct_stack_growth(). The caller holds
// mm->mmap_sem for writing.
func expandStack(k *sim.K, vma *VMA, addr uint64) error {
	mm, start := vma.MM, addr&^(pageSize-1)
	bad := &Fault{SIGSEGV, SegvMaperr, addr}
	if start < mmapMinAddr || vma.End-start > mm.StackLimit {
		return bad
	}
	// Nothing may come near a stack but another stack.
	if below := mm.vmaBelow(start); below != nil && below.Flags&VMGrowsDown == 0 &&
		below.Flags&vmAccess != 0 && start-below.End < stackGuardGap {
		return bad
	}
	grow := vma.Start - start
	if mm.AddressLimit != 0 && mm.totalVM<<pageShift+grow > mm.AddressLimit {
		return bad
	}
	if grow>>pageShift > vma.Pgoff {
		return bad
	}
	vmaAdjust(k, vma, start, vma.End, vma.Pgoff-grow>>pageShift, nil)
	return nil
}
