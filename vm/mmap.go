package vm

import (
	"trapline/pagecache"
	"trapline/sim"
)

// MmapArgs are the arguments of mmap(2).
type MmapArgs struct {
	// Addr is where to map, or a hint, or 0. Length is in bytes.
	Addr, Length uint64
	Prot         Prot
	Flags        MapFlags
	// File is what to map, nil with MapAnonymous, and Pgoff its first page.
	File  *pagecache.Inode
	Pgoff uint64
	// ReadOnly says that the file is not open for writing.
	ReadOnly bool
}

// DoMmap maps length bytes of the file from page pgoff on at address addr, for
// reading and executing, and for what else flags has of VMWrite and VMShared. It
// returns EINVAL if addr or length is not a multiple of the page size, length is 0,
// or something is mapped there already, ENOMEM, and for a shared writable area
// ETXTBSY if someone denies write access to the file. It takes mm->mmap_sem for
// writing, and in it mapping->i_mmap_lock.
func DoMmap(k *sim.K, mm *MM, inode *pagecache.Inode, addr, length, pgoff uint64, flags VMFlags) (*VMA, error) {
	if !validRange(addr, length) {
		return nil, sim.EINVAL
	}
	flags |= VMRead | VMExec | VMMayRead | VMMayExec
	if flags&VMWrite != 0 || flags&VMShared == 0 {
		flags |= VMMayWrite
	}
	if flags&VMShared != 0 {
		flags |= VMMayShare
	}
	k.DownWrite(&mm.MmapSem)
	defer k.UpWrite(&mm.MmapSem)
	if len(mm.overlapping(k, addr, addr+length)) > 0 {
		return nil, sim.EINVAL
	}
	return mmapRegion(k, VMA{MM: mm, Start: addr, End: addr + length, Pgoff: pgoff, Inode: inode, Flags: flags})
}

func validRange(addr, length uint64) bool {
	return (addr|length)&(pageSize-1) == 0 && length > 0 && addr+length > addr
}

func pageAlign(n uint64) uint64 { return (n + pageSize - 1) &^ (pageSize - 1) }

// Mmap is mmap(2): it returns the address. The errors are EINVAL, ENOMEM, EACCES,
// EPERM below the lowest address that programs may use, EEXIST with
// MapFixedNoReplace, EOVERFLOW, and ETXTBSY. It takes mm->mmap_sem for writing.
func Mmap(k *sim.K, mm *MM, a MmapArgs) (uint64, error) {
	length := pageAlign(a.Length)
	switch {
	case a.Length == 0:
		return 0, sim.EINVAL
	case length == 0 || length > TaskSize:
		return 0, sim.ENOMEM
	case a.Pgoff+length>>pageShift < a.Pgoff || a.File != nil && a.Pgoff+length>>pageShift > 1<<(63-pageShift):
		return 0, sim.EOVERFLOW
	}
	k.DownWrite(&mm.MmapSem)
	addr, err := doMmap(k, mm, a, length)
	k.UpWrite(&mm.MmapSem)
	if err == nil && a.Flags&(MapPopulate|MapLocked) != 0 {
		populate(k, mm, addr, length)
	}
	return addr, err
}

// doMmap is do_mmap(). The caller holds mm->mmap_sem for writing.
func doMmap(k *sim.K, mm *MM, a MmapArgs, length uint64) (uint64, error) {
	if a.Flags&MapFixedNoReplace != 0 {
		a.Flags |= MapFixed
	}
	mm.mmapData.Read(k)
	if mm.mmap.Len() > maxMapCount {
		return 0, sim.ENOMEM
	}
	addr, err := mm.getUnmappedArea(a.Addr, length, a.Flags)
	if err != nil {
		return 0, err
	}
	if a.Flags&MapFixedNoReplace != 0 && len(mm.overlapping(k, addr, addr+length)) > 0 {
		return 0, sim.EEXIST
	}
	vma := VMA{MM: mm, Start: addr, End: addr + length, Pgoff: a.Pgoff, Inode: a.File}
	vma.Flags = a.Prot.vmFlags() | vmMay
	if a.Flags&MapGrowsDown != 0 {
		vma.Flags |= VMGrowsDown
	}
	switch a.Flags & mapType {
	case MapShared, MapSharedValidate:
		if vma.Flags&VMGrowsDown != 0 {
			return 0, sim.EINVAL
		}
		vma.Flags |= VMShared | VMMayShare
		switch {
		case a.File == nil:
			vma.Pgoff = 0
		case a.ReadOnly && a.Prot&ProtWrite != 0:
			return 0, sim.EACCES
		case a.ReadOnly:
			vma.Flags &^= VMShared | VMMayWrite
		}
	case MapPrivate:
		if a.File == nil {
			vma.Pgoff = addr >> pageShift
		} else if vma.Flags&VMGrowsDown != 0 {
			return 0, sim.EINVAL
		}
	default:
		return 0, sim.EINVAL
	}
	if mm.AddressLimit != 0 && (mm.totalVM<<pageShift)+length > mm.AddressLimit {
		return 0, sim.ENOMEM
	}
	if len(mm.overlapping(k, addr, addr+length)) > 0 {
		if err := doMunmap(k, mm, addr, addr+length); err != nil {
			return 0, err
		}
	}
	if a.File == nil && vma.Flags&VMShared != 0 {
		vma.Inode, vma.shmem = pagecache.ShmemFileSetup(k, "dev/zero", int64(length)), true
	}
	_, err = mmapRegion(k, vma)
	return addr, err
}

// mmapRegion is mmap_region() from where nothing is mapped there any more: it
// extends a neighbour, or makes a new area. The caller holds mm->mmap_sem for
// writing.
func mmapRegion(k *sim.K, like VMA) (*VMA, error) {
	if vma := vmaMerge(k, like); vma != nil {
		return vma, nil
	}
	// The area stands for the open file that it would have a reference to.
	if err := like.getFile(k); err != nil {
		return nil, err
	}
	vma, err := allocVMA(k, like, like.Start, like.End, like.Pgoff)
	if err != nil {
		like.putFile(k)
		return nil, err
	}
	if h, ok := vma.MM.Hooks.(EarlyMmap); ok && vma.Inode != nil {
		insertVMA(k, vma)
		h.MmapUnlinked(k, vma)
		linkFileVMA(k, vma)
		return vma, nil
	}
	vmaLink(k, vma)
	if err := uprobeMmap(k, vma); err != nil {
		unmapVMAs(k, vma.MM, []*VMA{vma})
		return nil, err
	}
	return vma, nil
}

// populate is mm_populate(): it faults the pages in, as far as that goes.
func populate(k *sim.K, mm *MM, addr, length uint64) {
	for at := addr; at < addr+length; at += pageSize {
		if faultIn(k, mm, at) != nil {
			return
		}
	}
}

// overlapping are the areas that have addresses from start up to end. The caller
// holds mm->mmap_sem.
func (mm *MM) overlapping(k *sim.K, start, end uint64) []*VMA {
	mm.mmapData.Read(k)
	from := start
	if below := mm.vmaBelow(start); below != nil {
		from = below.Start
	}
	var found []*VMA
	mm.mmap.AscendGreaterOrEqual(mm.from(from), func(vma *VMA) bool {
		if vma.Start >= end {
			return false
		}
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
	lockFile(k, vma)
	insertVMA(k, vma)
	if vma.Inode != nil {
		pagecache.VMALinkFile(k, vma.Inode.Mapping, vma)
	}
	unlockFile(k, vma)
}

// linkFileVMA is vma_link() of an area that its address space knows already.
func linkFileVMA(k *sim.K, vma *VMA) {
	lockFile(k, vma)
	pagecache.VMALinkFile(k, vma.Inode.Mapping, vma)
	unlockFile(k, vma)
}

// lockFile takes mapping->i_mmap_lock if the area maps a file.
func lockFile(k *sim.K, vma *VMA) {
	if vma.Inode != nil {
		k.SpinLock(&vma.Inode.Mapping.IMmapLock)
	}
}

// unlockFile gives back what lockFile took.
func unlockFile(k *sim.K, vma *VMA) {
	if vma.Inode != nil {
		k.SpinUnlock(&vma.Inode.Mapping.IMmapLock)
	}
}

// insertVMA is __vma_link() without the file.
func insertVMA(k *sim.K, vma *VMA) {
	vma.MM.mmapData.Write(k)
	vma.MM.mmap.ReplaceOrInsert(vma)
	vma.MM.totalVM += vma.pages()
}
