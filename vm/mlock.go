package vm

import (
	"trapline/pagecache"
	"trapline/sim"
)

// Mlock is mlock(2): it marks the areas of a range, and brings their pages in. It returns
// ENOMEM if something in the range is not mapped, with what lies before it marked, and
// EINVAL for an address that is not that of a page. It takes mm->mmap_sem for writing.
// That a page of an area that is marked is not reclaimed is left out.
func Mlock(k *sim.K, mm *MM, addr, length uint64) error {
	length = pageAlign(length)
	if !validRange(addr, length) {
		return sim.EINVAL
	}
	if err := mlockAreas(k, mm, addr, addr+length); err != nil {
		return err
	}
	populate(k, mm, addr, length)
	return nil
}

// mlockAreas is apply_vma_lock_flags().
func mlockAreas(k *sim.K, mm *MM, addr, end uint64) error {
	k.DownWrite(&mm.MmapSem)
	defer k.UpWrite(&mm.MmapSem)
	for at := addr; at < end; {
		vma := FindVMA(k, mm, at)
		if vma == nil {
			return sim.ENOMEM
		}
		stop := min(end, vma.End)
		for _, edge := range [...]uint64{at, stop} {
			if err := splitAt(k, mm, edge); err != nil {
				return err
			}
		}
		vma = FindVMA(k, mm, at)
		vma.Flags |= VMLocked // see mprotectFixup
		mergeAround(k, vma)
		at = stop
	}
	return nil
}

// munlockVMAPage is munlock_vma_page(): an area that is locked in memory maps the page no
// more. A compound page is locked as a whole, by its first part: another part must not
// come here. What it does to the page is left out.
func munlockVMAPage(k *sim.K, page *pagecache.Page) {
	k.BugOn(pagecache.PageTail(page), "VM_BUG_ON_PAGE(PageTail(page))")
}
