package pagecache

import (
	"errors"

	"trapline/sim"
)

// ErrSigbus is NOPAGE_SIGBUS: there is no page to map, because the file ends
// before it or it could not be read.
var ErrSigbus = errors.New("SIGBUS")

// FilemapNopage is filemap_nopage(), the page cache's side of a page fault: it
// returns the page of the file at index, referenced and seen up to date, or
// [ErrSigbus], or ENOMEM. A page that could not be read is read once more. The caller holds
// mm->mmap_sem for reading and no page lock; the function sleeps.
func FilemapNopage(k *sim.K, inode *Inode, index uint64) (*Page, error) {
	return filemapNopage(k, inode, nil, index)
}

// filemapNopage is FilemapNopage with the readahead of an open file, if there is one.
func filemapNopage(k *sim.K, inode *Inode, file *File, index uint64) (*Page, error) {
	mapping := inode.Mapping
	for {
		if index >= pages(inode.ISize.Read(k)) {
			return nil, ErrSigbus
		}
		page := FindGetPage(k, mapping, index)
		if page == nil && inode.ReadaheadPages > 0 {
			PageCacheReadahead(k, inode, index)
			page = FindGetPage(k, mapping, index)
		}
		if file != nil && file.RAPages > 0 {
			page = file.readaheadFor(k, page, index, 1)
		}
		for page == nil {
			if err := pageCacheRead(k, inode, index); err == sim.ENOMEM {
				return nil, err
			} else if err != nil {
				return nil, ErrSigbus
			}
			page = FindGetPage(k, mapping, index)
		}
		markPageAccessed(k, page)
		if PageUptodate(k, page) {
			return page, nil
		}
		uptodate, truncated := false, false
		for try := 0; try < 2 && !uptodate && !truncated; try++ {
			uptodate, truncated = readUnlessUptodate(k, inode, page, try)
		}
		if uptodate {
			return page, nil
		}
		PageCacheRelease(k, page)
		if !truncated {
			return nil, ErrSigbus
		}
	}
}

var _ = sim.Plumbing("read_unless_uptodate")

// readUnlessUptodate is one of the two attempts that filemap_nopage() makes at
// a page that was not up to date: it waits for a read that is under way, and
// reads the page if it is still not up to date then.
func readUnlessUptodate(k *sim.K, inode *Inode, page *Page, try int) (uptodate, truncated bool) {
	LockPage(k, page)
	if page.Mapping.Get(k) == nil {
		UnlockPage(k, page)
		return false, true
	}
	if PageUptodate(k, page) {
		UnlockPage(k, page)
		return true, false
	}
	if try > 0 {
		ClearPageError(k, page)
	}
	if callReadpage(k, inode, page) != nil {
		return false, false
	}
	WaitOnPageLocked(k, page)
	return PageUptodate(k, page), false
}

// pageCacheRead is page_cache_read(): it adds a page to the cache and starts to
// read it. Somebody may have done so before, which is as good.
func pageCacheRead(k *sim.K, inode *Inode, index uint64) error {
	page, err := allocCachePage(k, inode.Mapping, index)
	if err != nil {
		return err
	}
	if AddToPageCache(k, page, inode.Mapping, index) == nil {
		err = callReadpage(k, inode, page)
	}
	PageCacheRelease(k, page)
	return err
}
