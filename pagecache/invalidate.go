package pagecache

import "trapline/sim"

var _ = sim.Plumbing("invalidate_page")

// InvalidateInodePages2 is invalidate_inode_pages2(): it drops all pages of the file
// from page tables and memory, so that the next read asks the device. It waits for
// pages that are locked or being written back. It returns EBUSY if a page could not
// be dropped, being dirty or in use: the others are gone. It sleeps.
func InvalidateInodePages2(k *sim.K, inode *Inode) (err error) {
	for _, page := range findGetPages(k, inode.Mapping, 0) {
		LockPage(k, page)
		if page.Mapping.Get(k) == inode.Mapping {
			WaitOnPageWriteback(k, page)
			if !shrinkPage(k, page) {
				err = sim.EBUSY
			}
		}
		UnlockPage(k, page)
		PageCacheRelease(k, page)
	}
	return err
}

// InvalidateMappingPages is invalidate_mapping_pages(), as drop_caches calls it: it
// drops the pages of the file that are not locked, mapped, dirty, being written back
// or otherwise in use, and returns how many that were.
func InvalidateMappingPages(k *sim.K, inode *Inode) (dropped int) {
	for _, page := range findGetPages(k, inode.Mapping, 0) {
		if TrylockPage(k, page) {
			if mapping := page.Mapping.Get(k); mapping != nil && !PageMapped(k, page) && removeMapping(k, mapping, page) {
				dropped++
			}
			UnlockPage(k, page)
		}
		PageCacheRelease(k, page)
	}
	return dropped
}

// InvalidateInUse is invalidate_inode_pages2() as it was in 2.6.16, for a file that has
// changed on its server: it drops all pages of the file from page tables and from the
// cache, whoever else has a reference to them. It sleeps.
func InvalidateInUse(k *sim.K, inode *Inode) {
	for _, page := range findGetPages(k, inode.Mapping, 0) {
		LockPage(k, page)
		if page.Mapping.Get(k) == inode.Mapping {
			tryToUnmap(k, inode.Mapping, page)
		}
		truncateCompletePage(k, inode.Mapping, page)
		UnlockPage(k, page)
		PageCacheRelease(k, page)
	}
}
