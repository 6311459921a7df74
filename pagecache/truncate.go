package pagecache

import "trapline/sim"

var opCancelDirty = sim.NewOp("cancel_dirty_page(%s)")

// DoTruncate is do_truncate() as truncate(2) calls it: it sets the size of the
// file. It returns ETXTBSY if someone denies write access.
func DoTruncate(k *sim.K, inode *Inode, size int64) error {
	if err := inode.GetWriteAccess(k); err != nil {
		return err
	}
	k.MutexLock(&inode.IMutex)
	Vmtruncate(k, inode, size)
	k.MutexUnlock(&inode.IMutex)
	inode.PutWriteAccess(k)
	return nil
}

// Vmtruncate is vmtruncate(): it sets the size of the file, and drops what lies
// behind it from page tables, memory and disk. What a file grows by reads as
// zeroes. The caller holds inode->i_mutex.
func Vmtruncate(k *sim.K, inode *Inode, size int64) {
	k.AssertHeld(&inode.IMutex)
	if old := inode.ISize.Peek(); size >= old {
		inode.iSizeWrite(k, size)
		pagecacheIsizeExtended(k, inode, old, size)
		return
	}
	if inode.fs.writes {
		k.DownWrite(&inode.Mapping.invalidate)
		defer k.UpWrite(&inode.Mapping.invalidate)
	}
	inode.iSizeWrite(k, size)
	UnmapMappingRange(k, inode.Mapping, pages(size))
	truncateInodePages(k, inode.Mapping, size)
	if inode.fs.writes {
		// Private copies may have been made of pages since.
		UnmapMappingRange(k, inode.Mapping, pages(size))
	}

	inode.truncateBlocks(k, size)
	// As block_truncate_page() does: the page may have been read in again, with
	// what was behind size, before the blocks were cut.
	truncatePartialPage(k, inode.Mapping, size)
}

// truncateInodePages is truncate_inode_pages(): it takes the pages behind size
// out of the cache and zeroes the rest of a page that size cuts in two. It waits
// for pages that are being read; the kernel's first round, which skips those, is
// left out.
func truncateInodePages(k *sim.K, mapping *Mapping, size int64) {
	truncatePartialPage(k, mapping, size)
	for _, page := range findGetPages(k, mapping, pages(size)) {
		LockPage(k, page)
		truncateCompletePage(k, mapping, page)
		UnlockPage(k, page)
		PageCacheRelease(k, page)
	}
}

// truncatePartialPage is truncate_partial_page(): it zeroes the rest of the page
// that size cuts in two, if that is in memory.
func truncatePartialPage(k *sim.K, mapping *Mapping, size int64) {
	partial := int(size & (PageSize - 1))
	if partial == 0 {
		return
	}
	page := FindGetPage(k, mapping, uint64(size)>>PageShift)
	if page == nil {
		return
	}
	LockPage(k, page)
	if page.Mapping.Get(k) == mapping {
		memclearHighpage(k, page, partial, PageSize)
	}
	UnlockPage(k, page)
	PageCacheRelease(k, page)
}

// truncateCompletePage is truncate_complete_page(): it takes one page out of the
// cache. The caller holds the page lock. PG_uptodate, which 2.6.16 cleared here,
// stays: whoever has seen it may go on with the page.
func truncateCompletePage(k *sim.K, mapping *Mapping, page *Page) {
	if page.Mapping.Get(k) != mapping { // reclaimed
		return
	}
	if mapping.Host.fs.writes {
		WaitOnPageWriteback(k, page)
		if PageMapped(k, page) { // by a fault that had it locked before us
			tryToUnmap(k, mapping, page)
		}
		cancelDirtyPage(k, page)
	}
	RemoveFromPageCache(k, page)
	PageCacheRelease(k, page)
}

// cancelDirtyPage is cancel_dirty_page(): what was written to a page that is going
// away is not written back.
func cancelDirtyPage(k *sim.K, page *Page) {
	changeFlag(k, opCancelDirty, page, &page.dirty, false)
}

// pagecacheIsizeExtended is pagecache_isize_extended(): the file ended at old, and has
// become longer; nothing was written before to. If it ended within a page that is in
// memory, what a program may have stored behind the old end is zeroed, and no page
// table lets the page be written to: a store from now on is to fault, so that it comes
// after a write-back which still goes by the old size.
func pagecacheIsizeExtended(k *sim.K, inode *Inode, old, to int64) {
	partial := int(old & (PageSize - 1))
	if !inode.fs.writes || partial == 0 {
		return
	}
	page := findLockPage(k, inode.Mapping, uint64(old)>>PageShift)
	if page == nil {
		return
	}
	if PageUptodate(k, page) {
		pageMkclean(k, inode.Mapping, page)
		memclearHighpage(k, page, partial, int(min(to-old, PageSize-int64(partial)))+partial)
	}
	UnlockPage(k, page)
	PageCacheRelease(k, page)
}
