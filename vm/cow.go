package vm

import (
	"trapline/pagecache"
	"trapline/sim"
)

// doWpPage is do_wp_page(): the program wants to write to a page that is mapped
// for reading. It gets a private copy, or the page itself if that is its own and
// nobody else's. The caller holds mm->mmap_sem for reading, and a reference to the
// page, which the function drops. It returns ENOMEM.
func doWpPage(k *sim.K, vma *VMA, addr uint64, old pte) error {
	mm := vma.MM
	if old.anon() && reuse(k, vma, addr, old) {
		return nil
	}
	private, err := pagecache.AllocUserPage(k, mm.Zone, addr>>pageShift)
	if err != nil {
		pagecache.PageCacheRelease(k, old.page)
		return err
	}
	pagecache.CopyUserHighpage(k, private, old.page)

	mm.lockedStep(k, opSetPte, sim.Write)
	if now, _ := mm.walk(addr); now == old {
		replacePte(k, mm, addr, old, pte{private, vma.bits(true)})
	} else {
		pagecache.PageCacheRelease(k, private)
	}
	pagecache.PageCacheRelease(k, old.page)
	return nil
}

// reuse is wp_page_reuse(): if no other address space maps the anonymous page, and
// nobody else has a reference, it makes the entry writable, and drops the caller's
// reference. It says whether there is nothing left to do.
func reuse(k *sim.K, vma *VMA, addr uint64, old pte) bool {
	mm := vma.MM
	mm.lockedStep(k, opSetPte, sim.Write)
	now, _ := mm.walk(addr)
	pagecache.PutPage(k, old.page)
	if now != old {
		return true // another thread was faster
	}
	if !pagecache.ReuseSwapPage(k, old.page) {
		pagecache.GetPage(k, old.page)
		return false
	}
	old.bits = vma.bits(true)
	mm.pt.set(addr>>pageShift, old)
	return true
}

// wpPageShared is wp_page_shared(): it makes the entry for a page of a shared
// mapping writable. The page becomes dirty with the first write through it. The
// caller holds mm->mmap_sem for reading.
func wpPageShared(k *sim.K, vma *VMA, addr uint64, old pte) {
	mm := vma.MM
	mm.lockedStep(k, opSetPte, sim.Write)
	if now, _ := mm.walk(addr); now == old {
		old.bits = vma.bits(false)
		mm.pt.set(addr>>pageShift, old)
	}
}

// replacePte is ptep_clear_flush() and set_pte_at() of another page, with the page
// table locked; it begins within a step on that. The new entry takes over the
// caller's reference to its page.
func replacePte(k *sim.K, mm *MM, addr uint64, old, e pte) {
	g := mm.gather(addr>>pageShift, addr>>pageShift+1)
	g.clear(k, g.start, old)
	g.finishLocked(k, true, func() { setPte(k, mm, addr, e) })
}
