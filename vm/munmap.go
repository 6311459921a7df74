package vm

import (
	"trapline/pagecache"
	"trapline/sim"
)

// DoMunmap is munmap(2): nothing is mapped from addr on for length bytes any
// more. Areas that reach out of the range are split. It returns EINVAL for a
// range that is empty or not of whole pages, and ENOMEM. It takes mm->mmap_sem
// for writing, and in it mapping->i_mmap_lock.
func DoMunmap(k *sim.K, mm *MM, addr, length uint64) error {
	if !validRange(addr, length) {
		return sim.EINVAL
	}
	k.DownWrite(&mm.MmapSem)
	defer k.UpWrite(&mm.MmapSem)
	return doMunmap(k, mm, addr, addr+length)
}

// doMunmap is do_munmap(). The caller holds mm->mmap_sem for writing.
func doMunmap(k *sim.K, mm *MM, start, end uint64) error {
	for _, edge := range [...]uint64{start, end} {
		vma := FindVMA(k, mm, edge)
		if vma == nil || vma.Start == edge {
			continue
		}
		if err := splitVMA(k, vma, edge); err != nil {
			return err
		}
	}
	unmapVMAs(k, mm, mm.overlapping(k, start, end))
	return nil
}

// splitVMA is split_vma(), with the work of vma_adjust(): it ends the area at
// addr and makes a new one for the rest. It returns ENOMEM. The caller holds
// mm->mmap_sem for writing.
func splitVMA(k *sim.K, vma *VMA, addr uint64) error {
	rest, err := allocVMA(k, vma.MM, addr, vma.End, vma.index(addr), vma.Inode, vma.Flags)
	if err != nil {
		return err
	}
	if vma.Flags.writesFile() {
		_ = vma.Inode.GetWriteAccess(k) // never denied, for vma has it too
	}
	mapping := vma.Inode.Mapping
	k.SpinLock(&mapping.IMmapLock)
	vma.data.Write(k)
	vma.End = addr
	insertVMA(k, rest)
	pagecache.VMALinkFile(k, mapping, rest)
	k.SpinUnlock(&mapping.IMmapLock)
	return nil
}

// unmapVMAs takes whole areas out of the address space: detach_vmas_to_be_unmapped(),
// unmap_region() and remove_vma_list().
func unmapVMAs(k *sim.K, mm *MM, vmas []*VMA) {
	mm.mmapData.Write(k)
	for _, vma := range vmas {
		mm.mmap.Delete(vma)
	}
	for _, vma := range vmas {
		zapPageRange(k, mm, vma.Start, vma.End)
	}
	for _, vma := range vmas {
		unlinkFileVMA(k, vma)
	}
	for _, vma := range vmas {
		removeVMA(k, vma)
	}
}

// unlinkFileVMA is unlink_file_vma(): the file does not know the area any more.
func unlinkFileVMA(k *sim.K, vma *VMA) {
	mapping := vma.Inode.Mapping
	k.SpinLock(&mapping.IMmapLock)
	pagecache.VMAUnlinkFile(k, mapping, vma)
	k.SpinUnlock(&mapping.IMmapLock)
}

// removeVMA is remove_vma(): it closes the file and frees the area.
func removeVMA(k *sim.K, vma *VMA) {
	if vma.Flags.writesFile() {
		vma.Inode.PutWriteAccess(k)
	}
	vma.data.Write(k) // whoever still looks at it races with this
	k.Kfree(&vma.life)
}

// ExitMmap is exit_mmap(): it unmaps everything. Nobody else may use the address
// space any more, so it takes no mmap_sem.
func ExitMmap(k *sim.K, mm *MM) {
	unmapVMAs(k, mm, mm.overlapping(k, 0, ^uint64(0)))
}
