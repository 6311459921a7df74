package vm

import (
	"errors"
	"slices"

	"trapline/pagecache"
	"trapline/sim"
)

// What a page fault that cannot be mended does to the program.
var (
	// ErrSegv is SIGSEGV: nothing is mapped there, or it may not be written.
	ErrSegv = errors.New("SIGSEGV")
	// ErrSigbus is SIGBUS: the file has no such page, or it could not be read.
	ErrSigbus = pagecache.ErrSigbus
)

// HandleMmFault handles a page fault at addr, caused by a write if write is set:
// do_page_fault() from down_read(&mm->mmap_sem) on, with handle_mm_fault(). It
// returns nil if the access is to be tried again, [ErrSegv] or [ErrSigbus]. It
// takes mm->mmap_sem for reading, and sleeps.
func HandleMmFault(k *sim.K, mm *MM, addr uint64, write bool) error {
	k.DownRead(&mm.MmapSem)
	defer k.UpRead(&mm.MmapSem)

	vma := FindVMA(k, mm, addr)
	if vma == nil || write && vma.Flags&VMWrite == 0 {
		return ErrSegv
	}
	return handlePteFault(k, vma, addr, write)
}

// handlePteFault is handle_pte_fault(). The caller holds mm->mmap_sem for
// reading.
func handlePteFault(k *sim.K, vma *VMA, addr uint64, write bool) error {
	mm := vma.MM
	k.Step(opHandlePte, &mm.pgd, sim.Read)
	e, present := mm.walk(addr)
	if k.Tracing() {
		k.Note("%#x present %t", addr, present)
	}
	if !present {
		return doNoPage(k, vma, addr, write)
	}
	if write && !e.write {
		// For do_wp_page(), while the page table is locked.
		pagecache.GetPage(k, e.page)
		doWpPage(k, mm, e)
	}
	return nil
}

// doNoPage is do_no_page(): it maps the page of the file, or for a write to a
// private area a copy of it. The caller holds mm->mmap_sem for reading.
func doNoPage(k *sim.K, vma *VMA, addr uint64, write bool) error {
	mm, mapping := vma.MM, vma.Inode.Mapping
	for {
		sequence := mapping.TruncateCount(k)
		page, err := pagecache.FilemapNopage(k, vma.Inode, vma.index(addr))
		if err != nil {
			return err
		}
		anon := write && vma.Flags&VMShared == 0
		if anon {
			private := pagecache.AllocAnonPage(k, addr>>pageShift)
			pagecache.CopyUserHighpage(k, private, page)
			pagecache.PageCacheRelease(k, page)
			page = private
		}

		// From here on the page table is locked.
		k.Step(opSetPte, &mm.pgd, sim.Write)
		truncated := sequence != mapping.LoadTruncateCount(k)
		if _, present := mm.walk(addr); !truncated && !present {
			setPte(k, mm, pte{addr >> pageShift, page, anon, anon || vma.Flags.writesFile()})
			return nil
		}
		// A truncation may have unmapped the page before we have mapped it, or
		// another thread was faster.
		pagecache.PageCacheRelease(k, page)
		if !truncated {
			return nil
		}
	}
}

// doWpPage is do_wp_page(): it replaces a page of the file, which the program
// wants to write to, by a private copy. The caller holds mm->mmap_sem for
// reading, and a reference to the page, which the function drops.
func doWpPage(k *sim.K, mm *MM, old pte) {
	private := pagecache.AllocAnonPage(k, old.vpn)
	pagecache.CopyUserHighpage(k, private, old.page)

	k.Step(opSetPte, &mm.pgd, sim.Write)
	if i, present := mm.find(old.vpn); present && mm.ptes[i] == old {
		pagecache.PageRemoveRmap(k, old.page)
		mm.ptes = slices.Delete(mm.ptes, i, i+1)
		setPte(k, mm, pte{old.vpn, private, true, true})
	} else {
		pagecache.PageCacheRelease(k, private)
	}
	pagecache.PageCacheRelease(k, old.page)
}
