package pagecache

import "trapline/sim"

var opReadaheadLookup = sim.NewOp("__do_page_cache_readahead(%s)")

// PageCacheReadahead is do_page_cache_readahead(): it starts to read those of
// the ReadaheadPages pages from index on that are not in memory, and waits for
// none. Errors are left to whoever needs the page.
func PageCacheReadahead(k *sim.K, inode *Inode, index uint64) {
	mapping := inode.Mapping
	end := min(index+uint64(inode.ReadaheadPages), pages(inode.ISize.Read(k)))

	k.Step(opReadaheadLookup, &mapping.tree, sim.Read)
	var pool []*Page
	for i := index; i < end; i++ {
		if mapping.page(i) == nil {
			pool = append(pool, PageCacheAlloc(k, mapping, i))
		}
	}
	if len(pool) > 0 {
		mapping.invalidateLockShared(k)
		readPages(k, inode, pool)
		mapping.invalidateUnlockShared(k)
	}
}

// readPages is read_pages(): it reads the new pages, through readpages if the
// file has it.
func readPages(k *sim.K, inode *Inode, pool []*Page) {
	if readpages := inode.Mapping.AOps.Read(k).LoadReadpages(k); readpages != nil {
		_ = readpages(k, inode, pool)
		return
	}
	for _, p := range pool {
		if AddToPageCache(k, p, inode.Mapping, p.Index) == nil {
			_ = callReadpage(k, inode, p)
		}
		PageCacheRelease(k, p)
	}
}
