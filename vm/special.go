package vm

import (
	"trapline/pagecache"
	"trapline/sim"
)

// InstallSpecialMapping is _install_special_mapping(): pages of the kernel's own,
// under a name that /proc/PID/maps shows, of length bytes at addr, or where there
// is room for 0. The first page holds content, the others nothing: touching them
// is a bus error. It returns the address, EEXIST if something is mapped there, or
// ENOMEM. It takes mm->mmap_sem for writing.
func InstallSpecialMapping(k *sim.K, mm *MM, addr, length uint64, flags VMFlags, name string, content []byte) (uint64, error) {
	k.DownWrite(&mm.MmapSem)
	defer k.UpWrite(&mm.MmapSem)
	return AddSpecialMapping(k, mm, addr, length, flags, name, content)
}

// AddSpecialMapping is [InstallSpecialMapping] for who holds mm->mmap_sem for writing.
func AddSpecialMapping(k *sim.K, mm *MM, addr, length uint64, flags VMFlags, name string, content []byte) (uint64, error) {
	at := addr
	if addr == 0 {
		var err error
		if at, err = mm.getUnmappedArea(0, length, 0); err != nil {
			return 0, err
		}
	}
	if len(mm.overlapping(k, at, at+length)) > 0 {
		return 0, sim.EEXIST
	}
	file := pagecache.ShmemFileSetup(k, name, pageSize)
	vma, err := allocVMA(k, VMA{MM: mm, Inode: file, Flags: flags, Name: name, shmem: true}, at, at+length, 0)
	if err != nil {
		return 0, err
	}
	if content != nil {
		page, err := pagecache.FilemapNopage(k, file, 0)
		if err != nil {
			return 0, err
		}
		pagecache.StoreBytes(k, page, 0, content)
		pagecache.PageCacheRelease(k, page)
	}
	vmaLink(k, vma)
	return at, nil
}

// WriteSpecialMapping writes to the first page of a special mapping, as the kernel
// does through its own address of the page. It sleeps.
func WriteSpecialMapping(k *sim.K, mm *MM, addr uint64, off int, content []byte) error {
	k.DownRead(&mm.MmapSem)
	defer k.UpRead(&mm.MmapSem)
	vma := FindVMA(k, mm, addr)
	if vma == nil || vma.Name == "" {
		return sim.EFAULT
	}
	page, err := pagecache.FilemapNopage(k, vma.Inode, 0)
	if err != nil {
		return err
	}
	pagecache.StoreBytes(k, page, off, content)
	pagecache.PageCacheRelease(k, page)
	return nil
}

// Areas are the areas of an address space in order. The caller holds mm->mmap_sem.
func Areas(k *sim.K, mm *MM) []*VMA { return mm.overlapping(k, 0, ^uint64(0)) }

// Gaps are the free places of one page in an address space, for who has to find
// one near another. It holds mm->mmap_sem for reading while it looks.
type Gaps struct {
	K  *sim.K
	MM *MM
}

// Lowest is the lowest free page from low up to high.
func (g Gaps) Lowest(low, high uint64) (uint64, bool) {
	g.K.DownRead(&g.MM.MmapSem)
	defer g.K.UpRead(&g.MM.MmapSem)
	g.MM.mmapData.Read(g.K)
	at, err := g.MM.lowestGap(pageSize, pageAlign(low), high)
	return at, err == nil
}

// Highest is the highest free page from low up to high.
func (g Gaps) Highest(low, high uint64) (uint64, bool) {
	g.K.DownRead(&g.MM.MmapSem)
	defer g.K.UpRead(&g.MM.MmapSem)
	g.MM.mmapData.Read(g.K)
	at, ok := g.MM.highestGap(pageSize, high&^(pageSize-1))
	return at, ok && at >= low
}
