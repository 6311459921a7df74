package vm

import (
	"trapline/pagecache"
	"trapline/sim"
)

// DoMunmap is munmap(2): nothing is mapped from addr on for length bytes any
// more. Areas that reach out of the range are split. It returns EINVAL for a
// range that is empty, does not begin with a page or goes beyond the addresses of
// programs, and ENOMEM. It takes mm->mmap_sem for writing, and in it
// mapping->i_mmap_lock.
func DoMunmap(k *sim.K, mm *MM, addr, length uint64) error {
	length = pageAlign(length)
	if !validRange(addr, length) {
		return sim.EINVAL
	}
	k.DownWrite(&mm.MmapSem)
	defer k.UpWrite(&mm.MmapSem)
	return doMunmap(k, mm, addr, addr+length)
}

// doMunmap is do_munmap(). It returns EINVAL for a range that is empty or goes beyond
// the addresses of programs, and ENOMEM. The caller holds mm->mmap_sem for writing.
func doMunmap(k *sim.K, mm *MM, start, end uint64) error {
	if end <= start || end > TaskSize {
		return sim.EINVAL
	}
	for _, edge := range [...]uint64{start, end} {
		if err := splitAt(k, mm, edge); err != nil {
			return err
		}
	}
	unmapVMAs(k, mm, mm.overlapping(k, start, end))
	return nil
}

// unmapVMAs takes whole areas out of the address space: detach_vmas_to_be_unmapped(),
// unmap_region() and remove_vma_list().
func unmapVMAs(k *sim.K, mm *MM, vmas []*VMA) {
	mm.mmapData.Write(k)
	for _, vma := range vmas {
		mm.mmap.Delete(vma)
		mm.totalVM -= vma.pages()
	}
	for _, vma := range vmas {
		uprobeMunmap(k, vma, vma.Start, vma.End)
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
// A file of shared anonymous memory goes with the last area that maps it.
func unlinkFileVMA(k *sim.K, vma *VMA) {
	if vma.Inode == nil {
		return
	}
	mapping := vma.Inode.Mapping
	k.SpinLock(&mapping.IMmapLock)
	pagecache.VMAUnlinkFile(k, mapping, vma)
	last := vma.shmem && len(mapping.Mappers(k)) == 0
	k.SpinUnlock(&mapping.IMmapLock)
	if last {
		pagecache.EvictInode(k, vma.Inode)
	}
}

// removeVMA is remove_vma(): it closes the file and frees the area.
func removeVMA(k *sim.K, vma *VMA) {
	vma.putFile(k)
	vma.data.Write(k) // whoever still looks at it races with this
	k.Kfree(&vma.life)
}

// ExitMmap is exit_mmap(): it unmaps everything. Nobody else may use the address
// space any more, so it takes no mmap_sem.
func ExitMmap(k *sim.K, mm *MM) {
	unmapVMAs(k, mm, mm.overlapping(k, 0, ^uint64(0)))
	mm.table.freeTable(k)
}
