package pagecache

import "trapline/sim"

// scanPages is how many pages one round of reclaim looks at, SWAP_CLUSTER_MAX.
const scanPages = 32

var (
	opIsolateLRUPages = sim.NewOp("isolate_lru_pages(%s)")
	opPutbackLRUPages = sim.NewOp("putback_lru_page(%s)")
	opPageReferenced  = sim.NewOp("page_referenced(%s)")
)

var _ = sim.Plumbing("isolate_lru_pages", "putback_lru_page", "page_referenced")

// tryToFreePages is try_to_free_pages(): it goes through the oldest pages up to three
// times and says whether it freed any. A page that was used since the last time stays
// for this once. One that is dirty is written back; from the second time on that is
// waited for.
func tryToFreePages(k *sim.K, z *Zone) bool {
	for priority := range 3 {
		if shrinkInactiveList(k, z, priority > 0) > 0 {
			return true
		}
	}
	return false
}

// shrinkInactiveList is shrink_inactive_list(): it returns how many pages were freed.
func shrinkInactiveList(k *sim.K, z *Zone, wait bool) (freed int) {
	for _, page := range isolateLRUPages(k, z) {
		if !TrylockPage(k, page) {
			putbackLRUPage(k, page)
			continue
		}
		gone := shrinkLocked(k, page, wait)
		if gone {
			freed++
			PageCacheRelease(k, page)
		} else {
			putbackLRUPage(k, page)
		}
	}
	return freed
}

// isolateLRUPages is isolate_lru_pages(): it takes the oldest pages off the list,
// with a reference each.
func isolateLRUPages(k *sim.K, z *Zone) []*Page {
	k.Step(opIsolateLRUPages, &z.o, sim.Write)
	n := min(len(z.inactive), scanPages)
	isolated := make([]*Page, n)
	copy(isolated, z.inactive)
	z.inactive = append([]*Page(nil), z.inactive[n:]...)
	for _, p := range isolated {
		k.Touch(&p.count, sim.Add)
		p.refs++
		p.onLRU = false
	}
	k.Machine().Fold(uint64(n))
	return isolated
}

// putbackLRUPage is putback_lru_page(): a page that was not freed goes to the end of
// the list.
func putbackLRUPage(k *sim.K, p *Page) {
	k.Step(opPutbackLRUPages, &p.zone.o, sim.Write)
	p.putOnLRU()
	PageCacheRelease(k, p)
}

// shrinkLocked is the body of shrink_page_list() for one locked page, which it
// unlocks. It says whether the page has left the cache; the caller has the last
// reference then.
func shrinkLocked(k *sim.K, page *Page, wait bool) bool {
	if mapping := page.Mapping.Get(k); mapping != nil && mapping.Host.fs.writes {
		if PageWriteback(k, page) {
			if !wait {
				UnlockPage(k, page)
				return false
			}
			WaitOnPageWriteback(k, page)
		}
		if pageReferenced(k, page) {
			UnlockPage(k, page)
			return false
		}
		if PageMapped(k, page) && !tryToUnmap(k, mapping, page) {
			UnlockPage(k, page)
			return false
		}
		if PageDirty(k, page) {
			pageout(k, mapping, page)
			return false
		}
	}
	freed := shrinkPage(k, page)
	UnlockPage(k, page)
	return freed
}

// pageReferenced is page_referenced(): whether the page was used since the last time.
// The caller holds the page lock.
func pageReferenced(k *sim.K, page *Page) bool {
	if page.zone == nil {
		return false
	}
	k.Step(opPageReferenced, &page.used, sim.Write)
	used := noted(k, page.referenced)
	page.referenced = false
	return used
}

// pageout is pageout(): it starts to write back a locked dirty page, if its file is
// written back, and unlocks it.
func pageout(k *sim.K, mapping *Mapping, page *Page) {
	writepage := mapping.AOps.Read(k).LoadWritepage(k)
	if writepage == nil || !ClearPageDirtyForIO(k, page) {
		UnlockPage(k, page)
		return
	}
	if writepage(k, mapping.Host, page) != nil {
		SetPageDirty(k, page)
	}
}
