package pagecache

import "trapline/sim"

var _ = sim.Plumbing("read_mapping_page")

// DoGenericMappingRead is do_generic_mapping_read(), the page cache's side of
// read(2): it returns the count bytes of the file at pos, or fewer if the file
// ends before. With an error it returns what was read until then: EIO if a page
// could not be read, or what readpage returned. The caller holds no page lock;
// the function sleeps.
func DoGenericMappingRead(k *sim.K, inode *Inode, pos int64, count int) ([]byte, error) {
	return doGenericMappingRead(k, inode, nil, pos, count)
}

// GenericFileRead is generic_file_aio_read(): [DoGenericMappingRead] through an open
// file, which has the readahead. The error may be ENOMEM too.
func GenericFileRead(k *sim.K, file *File, pos int64, count int) ([]byte, error) {
	return doGenericMappingRead(k, file.Inode, file, pos, count)
}

func doGenericMappingRead(k *sim.K, inode *Inode, file *File, pos int64, count int) ([]byte, error) {
	var buf []byte
	for len(buf) < count {
		index, off := uint64(pos)>>PageShift, int(pos&(PageSize-1))
		left := pages(int64(off + count - len(buf)))
		page, size, err := readMappingPage(k, inode, file, index, left)
		if page == nil {
			return buf, err
		}
		// size was read after the page was seen to be up to date, or there was
		// no need to read it in; so what lies before it is of the file.
		nr := min(int64(count-len(buf)), int64(PageSize-off), size-pos)
		if nr > 0 {
			buf = append(buf, ReadBytes(k, page, off, int(nr))...)
			markPageAccessed(k, page)
		}
		PageCacheRelease(k, page)
		if nr <= 0 {
			break
		}
		pos += nr
	}
	return buf, nil
}

// readMappingPage is the part of do_generic_mapping_read() that brings one page
// into memory. It returns the page, referenced and seen up to date, with the
// size of the file to go by; or no page, and an error or nil at the end of the
// file. The caller wants so many pages from index on.
func readMappingPage(k *sim.K, inode *Inode, file *File, index, want uint64) (*Page, int64, error) {
	mapping := inode.Mapping
	size := inode.ISize.Read(k)
	if index >= pages(size) {
		return nil, 0, nil
	}
	if inode.ReadaheadPages > 0 {
		PageCacheReadahead(k, inode, index)
	}
	for {
		page := FindGetPage(k, mapping, index)
		if file != nil && file.RAPages > 0 {
			page = file.readaheadFor(k, page, index, want)
		}
		if page == nil {
			var err error
			if page, err = allocCachePage(k, mapping, index); err != nil {
				return nil, 0, err
			}
			if AddToPageCache(k, page, mapping, index) != nil {
				PageCacheRelease(k, page)
				continue
			}
		} else {
			if PageUptodate(k, page) {
				return page, size, nil
			}
			LockPage(k, page)
			if page.Mapping.Get(k) == nil { // truncated
				UnlockPage(k, page)
				PageCacheRelease(k, page)
				continue
			}
			if PageUptodate(k, page) { // someone else has read it
				UnlockPage(k, page)
				return page, size, nil
			}
		}

		// The page is locked, and readpage or the end of the read unlocks it.
		if err := callReadpage(k, inode, page); err != nil {
			PageCacheRelease(k, page)
			return nil, 0, err
		}
		if !PageUptodate(k, page) {
			LockPage(k, page) // waits for the read to end
			if !PageUptodate(k, page) {
				truncated := page.Mapping.Get(k) == nil
				UnlockPage(k, page)
				PageCacheRelease(k, page)
				if truncated {
					continue
				}
				return nil, 0, sim.EIO
			}
			UnlockPage(k, page)
		}
		// The file may have been truncated meanwhile.
		return page, inode.ISize.Read(k), nil
	}
}
