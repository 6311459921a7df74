package vm

import (
	"trapline/pagecache"
	"trapline/sim"
)

var (
	opFollowPage  = sim.NewOp("follow_page(%s)")
	opReplacePage = sim.NewOp("page_vma_mapped_walk(%s)")
)

// FollowPage is follow_page() with FOLL_GET: the page that is mapped at addr, with
// a reference; nil if there is none. The caller holds mm->mmap_sem.
func FollowPage(k *sim.K, mm *MM, addr uint64) *pagecache.Page {
	page, _ := followPage(k, mm, addr)
	return page
}

func followPage(k *sim.K, mm *MM, addr uint64) (*pagecache.Page, pteBits) {
	mm.lockedStep(k, opFollowPage, sim.Read)
	e, present := mm.walk(addr)
	if !present {
		return nil, 0
	}
	pagecache.GetPage(k, e.page)
	return e.page, e.bits
}

// GetUserPage is get_user_pages() of one page, with FOLL_FORCE: the page at addr
// and its area, whatever the program itself may do there as long as mprotect()
// could allow it. With write the page of a private area is the program's own copy.
// The page comes with a reference. The error is a [*Fault] or ENOMEM. The caller
// holds mm->mmap_sem, for reading or writing; the function sleeps.
func GetUserPage(k *sim.K, mm *MM, addr uint64, write bool) (*pagecache.Page, *VMA, error) {
	flags := FaultForce
	if write {
		flags |= FaultWrite
	}
	for {
		vma, err := faultingVMA(k, mm, addr, flags)
		if vma == nil && err == nil { // a stack does not grow for others
			err = &Fault{SIGSEGV, SegvMaperr, addr}
		}
		if err != nil {
			return nil, nil, err
		}
		page, bits := followPage(k, mm, addr)
		switch {
		case page == nil:
		case !write || bits&pteWrite != 0:
			return page, vma, nil
		case bits&pteAnon != 0 && vma.Flags&VMWrite == 0:
			// can_follow_write_pte(): the copy that was made for such a one.
			return page, vma, nil
		default:
			pagecache.PageCacheRelease(k, page)
		}
		if err := signal(handlePteFault(k, vma, addr, flags), addr); err != nil {
			return nil, nil, err
		}
	}
}

// ReplacePage is __replace_page() of kernel/events/uprobes.c: where the area maps
// the page old at addr, it maps an anonymous page instead, which the caller has
// filled and keeps its reference to. It returns EAGAIN if something else is mapped
// there by now. The caller holds mm->mmap_sem, and references to both pages.
func ReplacePage(k *sim.K, vma *VMA, addr uint64, old, page *pagecache.Page) error {
	mm := vma.MM
	pagecache.LockPage(k, old)
	defer pagecache.UnlockPage(k, old)
	mm.lockedStep(k, opReplacePage, sim.Write)
	e, present := mm.walk(addr)
	if !present || e.page != old {
		return sim.EAGAIN
	}
	pagecache.GetPage(k, page)
	bits := vma.bits(true)
	if !e.write() {
		bits &^= pteWrite // vm_page_prot of a private area
	}
	replacePte(k, mm, addr, e, pte{page, bits})
	if _, every := mm.Hooks.(EveryMunlock); vma.Flags&VMLocked != 0 && (every || !pagecache.PageCompound(old)) {
		munlockVMAPage(k, old)
	}
	return nil
}
