package pagecache

import "trapline/sim"

// FilemapPageMkwrite is filemap_page_mkwrite(): a page of the file, which the caller
// has a reference to, is about to be mapped for writing in a shared area. It returns
// the page locked and dirty; the caller sets the entry and then unlocks the page. It
// returns EAGAIN if the page is not of the file any more: then the page is not locked,
// and the fault is to be tried again. It sleeps.
func FilemapPageMkwrite(k *sim.K, inode *Inode, page *Page) error {
	LockPage(k, page)
	if page.Mapping.Get(k) != inode.Mapping || page.Index >= pages(inode.ISize.Read(k)) {
		UnlockPage(k, page)
		return sim.EAGAIN
	}
	SetPageDirty(k, page)
	return nil
}

// FilemapFault is filemap_fault() as of Linux 2.6.23: [FilemapNopage] through an open
// file, which has the readahead. It returns the page locked as well as referenced,
// so that it is of the file until the caller has mapped it and unlocks it; a
// truncation unmaps it after that. The error is [ErrSigbus], or ENOMEM.
func FilemapFault(k *sim.K, file *File, index uint64) (*Page, error) {
	inode := file.Inode
	for {
		page, err := filemapNopage(k, inode, file, index)
		if err != nil {
			return nil, err
		}
		LockPage(k, page)
		switch {
		case page.Mapping.Get(k) != inode.Mapping: // truncated or reclaimed
		case !PageUptodate(k, page): // invalidated
		case index >= pages(inode.ISize.Read(k)):
			UnlockPage(k, page)
			PageCacheRelease(k, page)
			return nil, ErrSigbus
		default:
			return page, nil
		}
		UnlockPage(k, page)
		PageCacheRelease(k, page)
	}
}
