package pagecache

import "trapline/sim"

var (
	opCopyFromUser = sim.NewOp("copy_from_user(%s)")
	opClearFresh   = sim.NewOp("clear_highpage(%s)")
)

var _ = sim.Plumbing("write_bytes", "find_lock_page", "grab_cache_page", "alloc_cache_page", "store_bytes")

// GenericFileWrite is generic_file_aio_write(), the page cache's side of write(2):
// it writes buf at pos, or at the end of a file opened with Append, and returns how
// many bytes it wrote, with the error that kept it from writing the rest: EIO if a
// page that is to be written in part could not be read, ENOMEM, or EINVAL if the file
// cannot be written at all. The data is in the page cache then; [Fsync] brings it to
// the device. The function takes inode->i_mutex, and sleeps.
func GenericFileWrite(k *sim.K, file *File, pos int64, buf []byte) (written int, err error) {
	inode := file.Inode
	if !inode.fs.writes {
		return 0, sim.EINVAL
	}
	k.MutexLock(&inode.IMutex)
	defer k.MutexUnlock(&inode.IMutex)
	if file.Append {
		pos = inode.ISize.Read(k)
	}
	return genericPerformWrite(k, inode, pos, buf)
}

// genericPerformWrite is generic_perform_write(): it writes page by page. The caller
// holds inode->i_mutex.
func genericPerformWrite(k *sim.K, inode *Inode, pos int64, buf []byte) (written int, err error) {
	for written < len(buf) {
		off := int(pos & (PageSize - 1))
		n := min(len(buf)-written, PageSize-off)
		page, err := writeBegin(k, inode, pos, n)
		if err != nil {
			return written, err
		}
		writeBytes(k, page, off, buf[written:written+n])
		writeEnd(k, inode, page, pos, pos+int64(n))
		written += n
		pos += int64(n)
	}
	return written, nil
}

// writeBegin is block_write_begin(): it returns the page that pos lies in, locked and
// referenced, with what the file has in it where the n bytes at pos do not replace
// that.
func writeBegin(k *sim.K, inode *Inode, pos int64, n int) (*Page, error) {
	index := uint64(pos) >> PageShift
	page, err := grabCachePage(k, inode.Mapping, index)
	if err != nil {
		return nil, err
	}
	if PageUptodate(k, page) {
		return page, nil
	}
	switch size := inode.ISize.Read(k); {
	case n == PageSize:
		page.filler = k // all of it is about to be replaced
	case index >= pages(size):
		k.Step(opClearFresh, &page.content, sim.Write)
		page.filler = k
		page.hold(nil)
	default:
		if err := readLocked(k, inode, page); err != nil {
			UnlockPage(k, page)
			PageCacheRelease(k, page)
			return nil, err
		}
	}
	return page, nil
}

// writeEnd is generic_write_end(): the page has what was written
// from start up to end. It
// becomes dirty, and is unlocked and released.
func writeEnd(k *sim.K, inode *Inode, page *Page, start, end int64) {
	if page.filler == k {
		SetPageUptodate(k, page)
	}
	SetPageDirty(k, page)
	old := inode.ISize.Peek() // only the holder of i_mutex changes it
	if end > old {
		inode.iSizeWrite(k, end)
	}
	UnlockPage(k, page)
	markPageAccessed(k, page)
	PageCacheRelease(k, page)
	if old < start {
		pagecacheIsizeExtended(k, inode, old, start)
	}
}

// readLocked reads a page that is locked and stays so, as ll_rw_block() and
// wait_on_buffer() do.
func readLocked(k *sim.K, inode *Inode, page *Page) (err error) {
	var done sim.Completion
	k.InitCompletion(&done, "bh_uptodate_or_lock")
	SubmitRead(k, inode, page, func(k *sim.K, page *Page, e error) {
		if err = e; err == nil {
			SetPageUptodate(k, page)
			page.filler = nil
		}
		k.Complete(&done)
	})
	k.WaitForCompletion(&done)
	return err
}

// writeBytes changes the content of a locked page in one step.
func writeBytes(k *sim.K, p *Page, off int, buf []byte) {
	k.Step(opCopyFromUser, &p.content, sim.Write)
	mustBeUptodate(k, p)
	copy(p.own()[off:], buf)
	p.changed(off, len(buf))
	if k.Tracing() {
		k.Note("[%#x] <- % x", off, buf[:min(len(buf), 16)])
	}
}

// findLockPage is find_lock_page(): the page at index, locked and referenced, nil if
// it is not in memory.
func findLockPage(k *sim.K, mapping *Mapping, index uint64) *Page {
	for {
		page := FindGetPage(k, mapping, index)
		if page == nil {
			return nil
		}
		LockPage(k, page)
		if page.Mapping.Get(k) == mapping {
			return page
		}
		// Truncated or reclaimed while we waited.
		UnlockPage(k, page)
		PageCacheRelease(k, page)
	}
}

// grabCachePage is grab_cache_page(): the page at index, a new one if there is none,
// locked and referenced. It returns ENOMEM if there is no memory for it.
func grabCachePage(k *sim.K, mapping *Mapping, index uint64) (*Page, error) {
	for {
		if page := findLockPage(k, mapping, index); page != nil {
			return page, nil
		}
		page, err := allocCachePage(k, mapping, index)
		if err != nil {
			return nil, err
		}
		if AddToPageCache(k, page, mapping, index) == nil {
			return page, nil
		}
		PageCacheRelease(k, page)
	}
}
