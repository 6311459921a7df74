package pagecache

import "trapline/sim"

var (
	opFindGetPage         = sim.NewOp("find_get_page(%s)")
	opAddToPageCache      = sim.NewOp("add_to_page_cache(%s)")
	opRemoveFromPageCache = sim.NewOp("remove_from_page_cache(%s)")
	opGangLookup          = sim.NewOp("pagevec_lookup(%s)")
)

var _ = sim.Plumbing("find_get_page", "find_get_pages", "add_to_page_cache", "remove_from_page_cache", "unhash_page")

// FindGetPage is find_get_page(): the page at index with a new reference, nil if
// it is not in memory. The page may be locked and not up to date.
func FindGetPage(k *sim.K, mapping *Mapping, index uint64) *Page {
	k.Step(opFindGetPage, &mapping.tree, sim.Read)
	p := mapping.page(index)
	if p != nil {
		k.Touch(&p.count, sim.Add)
		p.refs++
	}
	if k.Tracing() {
		if p == nil {
			k.Note("page %d = NULL", index)
		} else {
			k.Note("= page %d", index)
		}
	}
	return p
}

// findGetPages is find_get_pages(): every page from index first on, with a new
// reference each.
func findGetPages(k *sim.K, mapping *Mapping, first uint64) []*Page {
	k.Step(opGangLookup, &mapping.tree, sim.Read)
	var found []*Page
	mapping.pages.AscendGreaterOrEqual(&Page{Index: first}, func(p *Page) bool {
		k.Touch(&p.count, sim.Add)
		p.refs++
		found = append(found, p)
		return true
	})
	return found
}

// AddToPageCache is add_to_page_cache(), with lru_cache_add(): it makes a new page the one at index,
// locked by the caller and with a reference of the cache. It returns EEXIST if
// there is one already; then nothing has changed.
func AddToPageCache(k *sim.K, p *Page, mapping *Mapping, index uint64) error {
	k.Step(opAddToPageCache, &mapping.tree, sim.Write)
	if k.Tracing() {
		k.Note("page %d", index)
	}
	if mapping.page(index) != nil {
		return sim.EEXIST
	}
	// Nobody but the caller knew the page until now, so its lock and its count
	// need no access of their own.
	setPageLocked(k, p)
	p.refs++
	p.Index = index
	p.Mapping.Set(k, mapping)
	mapping.pages.ReplaceOrInsert(p)
	lruCacheAdd(k, p)
	return nil
}

// RemoveFromPageCache is remove_from_page_cache(): it takes the page out of the
// cache. The caller holds the page lock and drops the reference of the cache.
func RemoveFromPageCache(k *sim.K, p *Page) {
	mapping := p.Mapping.Get(k)
	k.Step(opRemoveFromPageCache, &mapping.tree, sim.Write)
	if k.Tracing() {
		k.Note("page %d", p.Index)
	}
	unhashPage(k, p)
}

// unhashPage is __remove_from_page_cache(), within a step on the tree.
func unhashPage(k *sim.K, p *Page) {
	p.Mapping.Get(k).pages.Delete(p)
	k.Touch(&p.place, sim.Write)
	p.Mapping.Set(k, nil)
}
