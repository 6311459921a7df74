package pagecache

import "trapline/sim"

// EndIO is a bi_end_io function: what is to be done with a page when its read
// has ended, with err nil or EIO. It runs in the context that the file system
// ends reads in, which may be an interrupt. On success the page is filled and
// not up to date yet, so the function may read and change its content before
// anyone else does. It must unlock the page. At the end of a write it must clear
// PG_writeback instead.
type EndIO func(k *sim.K, page *Page, err error)

// bio is struct bio: one request to read or write pages of a file.
type bio struct {
	inode *Inode
	pages []*Page
	endIO EndIO
	write bool
}

// SubmitRead starts to read a page, which the caller has locked, from wherever
// the file system of the file has it; endIO ends the read. It is what the
// methods of every file system here are made of, and so what a method that is
// to act at the end of a read calls with its own endIO in front of
// [MpageEndIORead].
func SubmitRead(k *sim.K, inode *Inode, page *Page, endIO EndIO) {
	submitBio(k, &bio{inode: inode, pages: []*Page{page}, endIO: endIO})
}

// submitBio is submit_bio(). It needs no step of its own: the request takes effect
// in the steps of whoever does it.
func submitBio(k *sim.K, b *bio) {
	b.inode.fs.submit(k, b)
}

// MpageEndIORead is mpage_end_io_read(): it marks the page as up to date, or as
// failed, and unlocks it.
func MpageEndIORead(k *sim.K, page *Page, err error) {
	if err == nil {
		SetPageUptodate(k, page)
	} else {
		ClearPageUptodate(k, page)
		SetPageError(k, page)
	}
	UnlockPage(k, page)
}

// MpageReadpage is mpage_readpage(): it starts to read the page.
func MpageReadpage(k *sim.K, inode *Inode, page *Page) error {
	SubmitRead(k, inode, page, MpageEndIORead)
	return nil
}

// MpageReadpages is mpage_readpages(): it starts to read all the pages in one
// request.
func MpageReadpages(k *sim.K, inode *Inode, pages []*Page) error {
	b := &bio{inode: inode, endIO: MpageEndIORead}
	for _, p := range pages {
		if AddToPageCache(k, p, inode.Mapping, p.Index) == nil {
			b.pages = append(b.pages, p)
		}
	}
	if len(b.pages) > 0 {
		submitBio(k, b)
	}
	for _, p := range pages {
		PageCacheRelease(k, p)
	}
	return nil
}

// queued shows in traces that the request was given to a device.
func (b *bio) queued(k *sim.K) {
	if k.Tracing() {
		direction := "R"
		if b.write {
			direction = "W"
		}
		for _, p := range b.pages {
			k.Event("block_bio_queue", "%s %s", direction, p)
		}
	}
}
