package vm

import (
	"trapline/pagecache"
	"trapline/sim"
)

// DoMmap is mmap(2) with MAP_FIXED of length bytes of the file from page pgoff
// on, at address addr. It returns EINVAL if addr or length is not a multiple of
// the page size, length is 0, or something is mapped there already, ENOMEM, and
// for a shared writable area ETXTBSY if someone denies write access to the file.
// It takes mm->mmap_sem for writing, and in it mapping->i_mmap_lock.
func DoMmap(k *sim.K, mm *MM, inode *pagecache.Inode, addr, length, pgoff uint64, flags VMFlags) (*VMA, error) {
	if !validRange(addr, length) {
		return nil, sim.EINVAL
	}
	k.DownWrite(&mm.MmapSem)
	defer k.UpWrite(&mm.MmapSem)
	return doMmapPgoff(k, mm, inode, addr, length, pgoff, flags)
}

func validRange(addr, length uint64) bool {
	return (addr|length)&(pageSize-1) == 0 && length > 0 && addr+length > addr
}

// doMmapPgoff is do_mmap_pgoff(). The caller holds mm->mmap_sem for writing.
func doMmapPgoff(k *sim.K, mm *MM, inode *pagecache.Inode, addr, length, pgoff uint64, flags VMFlags) (*VMA, error) {
	if len(mm.overlapping(k, addr, addr+length)) > 0 {
		return nil, sim.EINVAL
	}
	if flags.writesFile() {
		// The area stands for the open file that it would have a reference to.
		if err := inode.GetWriteAccess(k); err != nil {
			return nil, err
		}
	}
	vma, err := allocVMA(k, mm, addr, addr+length, pgoff, inode, flags)
	if err != nil {
		if flags.writesFile() {
			inode.PutWriteAccess(k)
		}
		return nil, err
	}
	vmaLink(k, vma)
	return vma, nil
}

func (f VMFlags) writesFile() bool { return f&(VMWrite|VMShared) == VMWrite|VMShared }

// overlapping are the areas that have addresses from start up to end. The caller
// holds mm->mmap_sem.
func (mm *MM) overlapping(k *sim.K, start, end uint64) []*VMA {
	mm.mmapData.Read(k)
	var found []*VMA
	mm.mmap.AscendLessThan(&VMA{Start: end}, func(vma *VMA) bool {
		if vma.End > start {
			found = append(found, vma)
		}
		return true
	})
	return found
}

// vmaLink is vma_link(): it makes the area known to its address space and its
// file. The caller holds mm->mmap_sem for writing.
func vmaLink(k *sim.K, vma *VMA) {
	mapping := vma.Inode.Mapping
	k.SpinLock(&mapping.IMmapLock)
	insertVMA(k, vma)
	pagecache.VMALinkFile(k, mapping, vma)
	k.SpinUnlock(&mapping.IMmapLock)
}

// insertVMA is __vma_link() without the file.
func insertVMA(k *sim.K, vma *VMA) {
	vma.MM.mmapData.Write(k)
	vma.MM.mmap.ReplaceOrInsert(vma)
}
