package pagecache

import "trapline/sim"

var opRemoveMapping = sim.NewOp("remove_mapping(%s)")

// Reclaim is shrink_list() of one page, the one of the file at index: it drops
// the page from memory if nobody uses it, and says whether it did. A page that
// is locked, dirty, or referenced from elsewhere than page tables stays; if its
// file is written back, a dirty one is, and one that was used since the last time
// stays for this once.
func Reclaim(k *sim.K, inode *Inode, index uint64) bool {
	page := FindGetPage(k, inode.Mapping, index) // as from the LRU list
	if page == nil {
		return false
	}
	if !TrylockPage(k, page) {
		PageCacheRelease(k, page)
		return false
	}
	freed := shrinkLocked(k, page, false)
	PageCacheRelease(k, page)
	return freed
}

// shrinkPage takes a locked page out of page tables and cache. The caller has a
// reference.
func shrinkPage(k *sim.K, page *Page) bool {
	mapping := page.Mapping.Get(k)
	if mapping == nil { // truncated
		return false
	}
	if PageMapped(k, page) && !tryToUnmap(k, mapping, page) {
		return false
	}
	return removeMapping(k, mapping, page)
}

// removeMapping is remove_mapping(): it takes the page out of the cache if only
// the cache and the caller have references to it. Nobody finds the page while
// that is looked at, because it is one step on the tree.
func removeMapping(k *sim.K, mapping *Mapping, page *Page) bool {
	k.Step(opRemoveMapping, &mapping.tree, sim.Write)
	k.Touch(&page.count, sim.Read)
	k.Touch(&page.flags, sim.Read)
	if page.refs != 2 || page.dirty || page.writeback {
		return false
	}
	unhashPage(k, page)
	k.Touch(&page.count, sim.Write)
	page.refs--
	return true
}
