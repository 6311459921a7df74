package vm

import (
	"trapline/pagecache"
	"trapline/sim"
)

var (
	opCopyPageRange = sim.NewOp("copy_page_range(%s)")
	opFlushTLBMM    = sim.NewOp("flush_tlb_mm(%s)")
)

// DupMM is dup_mm() with dup_mmap(): a new address space, with one user, that
// begins as a copy of oldmm. Private pages are shared until one of the two writes
// to them. It returns ENOMEM. It takes oldmm->mmap_sem for writing and, under it,
// that of the copy.
func DupMM(k *sim.K, oldmm *MM, name string) (*MM, error) {
	mm := MMAlloc(k, name)
	mm.Hooks, mm.Zone, mm.Watched = oldmm.Hooks, oldmm.Zone, oldmm.Watched
	if mm.Hooks != nil {
		mm.Hooks.StartDupMmap(k)
	}
	err := dupMmap(k, oldmm, mm)
	if mm.Hooks != nil {
		mm.Hooks.EndDupMmap(k)
	}
	if err != nil {
		MMPut(k, mm)
		return nil, err
	}
	return mm, nil
}

// dupMmap is dup_mmap().
func dupMmap(k *sim.K, oldmm, mm *MM) error {
	k.DownWrite(&oldmm.MmapSem)
	defer k.UpWrite(&oldmm.MmapSem)
	k.DownWriteNested(&mm.MmapSem, 1)
	defer k.UpWrite(&mm.MmapSem)
	if mm.Hooks != nil {
		mm.Hooks.DupMmap(k, oldmm, mm)
	}
	oldmm.mmapData.Read(k)
	mm.mmapData.Write(k)
	mm.brk, mm.StartBrk, mm.MmapBase = oldmm.brk, oldmm.StartBrk, oldmm.MmapBase
	mm.StackLimit, mm.AddressLimit, mm.Full = oldmm.StackLimit, oldmm.AddressLimit, oldmm.Full

	defer flushAfterFork(k, oldmm)
	for _, vma := range oldmm.overlapping(k, 0, ^uint64(0)) {
		if vma.Flags&VMDontCopy != 0 {
			continue
		}
		if err := dupVMA(k, vma, mm); err != nil {
			mm.unstable = true
			return err
		}
	}
	return nil
}

// flushAfterFork is flush_tlb_mm() at the end of dup_mmap(): one flush for all
// entries that were made read-only. Nobody handles faults before.
func flushAfterFork(k *sim.K, mm *MM) {
	if mm.Watched {
		k.Step(opFlushTLBMM, &mm.pgd, sim.Write)
	}
	mm.forking = false
	g := mm.gather(0, ^uint64(0))
	g.finish(k)
}

// dupVMA copies an area with what it maps. The caller holds the mmap_sem of both
// address spaces for writing.
func dupVMA(k *sim.K, vma *VMA, mm *MM) error {
	like := *vma
	like.MM = mm
	if err := like.getFile(k); err != nil {
		return err
	}
	copied, err := allocVMA(k, like, vma.Start, vma.End, vma.Pgoff)
	if err != nil {
		like.putFile(k)
		return err
	}
	vmaLink(k, copied)
	copyPageRange(k, vma, copied)
	if h := mm.Hooks; h != nil && copied.Inode != nil {
		return h.DupVMA(k, copied)
	}
	return nil
}

// copyPageRange is copy_page_range(): both address spaces map the private pages of
// the area, and neither may write to them. Pages of files are left to faults.
func copyPageRange(k *sim.K, vma, copied *VMA) {
	oldmm, mm := vma.MM, copied.MM
	oldmm.lockedStep(k, opCopyPageRange, sim.Write)
	k.Touch(&mm.pgd, sim.Write)
	oldmm.forking = true
	n := mm.pt.pages
	oldmm.pt.each(vma.Start>>pageShift, vma.End>>pageShift, func(vpn uint64, e pte) {
		if !e.anon() {
			return
		}
		e.bits &^= pteWrite
		oldmm.pt.set(vpn, e)
		mm.pt.set(vpn, e)
		pagecache.GetPage(k, e.page)
		pagecache.PageAddRmap(k, e.page)
	})
	if k.Tracing() {
		k.Note("%#x-%#x: %d pages", vma.Start, vma.End, mm.pt.pages-n)
	}
}
