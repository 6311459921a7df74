package pagecache

import "trapline/sim"

var opTruncateBlocks = sim.NewOp("truncate(%s)")

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
	if size >= inode.ISize.Peek() {
		inode.ISize.Write(k, size)
		return
	}
	inode.ISize.Write(k, size)
	UnmapMappingRange(k, inode.Mapping, pages(size))
	truncateInodePages(k, inode.Mapping, size)

	k.Step(opTruncateBlocks, &inode.blocks, sim.Write)
	inode.allocated = min(inode.allocated, size)
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
		memclearHighpage(k, page, partial)
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
	RemoveFromPageCache(k, page)
	PageCacheRelease(k, page)
}
