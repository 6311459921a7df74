package pagecache

import "trapline/sim"

// notWriteback is the way on for those who wait until a page is not being written
// back.
const notWriteback sim.Wait = 1

// BadWriteback is the BUG() of end_page_writeback() and of a page that is to be
// written back while it is: PG_writeback was not, or was, set.
var BadWriteback = sim.Kind{Name: "bad-writeback", Class: "kernel BUG"}

var (
	opClearPageDirty  = sim.NewOp("clear_page_dirty_for_io(%s)")
	opSetWriteback    = sim.NewOp("set_page_writeback(%s)")
	opEndWriteback    = sim.NewOp("end_page_writeback(%s)")
	opWaitOnWriteback = sim.NewOp("wait_on_page_writeback(%s)")
	opPageWriteback   = sim.NewOp("PageWriteback(%s)")
	opDirtyLookup     = sim.NewOp("pagevec_lookup_tag(%s)")
)

var _ = sim.Plumbing("clear_page_dirty_for_io", "set_page_writeback", "end_page_writeback", "wait_on_page_writeback",
	"page_writeback", "mpage_end_io_write", "dirty_pages", "serve")

// ClearPageDirtyForIO is clear_page_dirty_for_io(): it makes the page clean, which
// is about to be written back, and says whether it was dirty. Page tables that map
// it for writing lose the right to ([Cleaner]), so the next store faults and makes
// it dirty again. The caller holds the page lock.
func ClearPageDirtyForIO(k *sim.K, p *Page) bool {
	if mapping := p.Mapping.Get(k); mapping != nil && mapping.Host.fs.writes {
		pageMkclean(k, mapping, p)
	}
	k.Step(opClearPageDirty, &p.flags, sim.Write)
	was := p.dirty
	p.dirty = false
	return noted(k, was)
}

// SetPageWriteback is set_page_writeback(): the content of the page is on its way to
// the device until [EndPageWriteback]. The caller holds the page lock.
func SetPageWriteback(k *sim.K, p *Page) {
	k.Step(opSetWriteback, &p.flags, sim.Write)
	if p.writeback {
		k.Fail(&sim.Violation{Kind: BadWriteback, Subject: p.name + " is being written back already"})
	}
	p.writeback = true
	p.flags.Forbid(notWriteback)
}

// EndPageWriteback is end_page_writeback(): it wakes those who wait. Any context may
// call it. It fails with [BadWriteback] if the page was not being written back.
func EndPageWriteback(k *sim.K, p *Page) {
	k.Step(opEndWriteback, &p.flags, sim.Write)
	if !p.writeback {
		k.Fail(&sim.Violation{Kind: BadWriteback, Subject: p.name + " is not being written back"})
	}
	p.writeback = false
	p.flags.Allow(notWriteback)
}

// WaitOnPageWriteback is wait_on_page_writeback(): it sleeps until the page is not
// being written back. Unless the caller holds the page lock, it may be again by the
// time that the function returns.
func WaitOnPageWriteback(k *sim.K, p *Page) {
	k.MightSleep(p.name)
	k.StepWait(opWaitOnWriteback, &p.flags, sim.Read, notWriteback)
}

// PageWriteback is PageWriteback(): whether the page is being written back.
func PageWriteback(k *sim.K, p *Page) bool {
	return noted(k, testFlag(k, opPageWriteback, p, &p.writeback))
}

// noted enters what a step has found into the trace hash.
func noted(k *sim.K, yes bool) bool {
	if yes {
		k.Machine().Fold(1)
	} else {
		k.Machine().Fold(0)
	}
	return yes
}

// mpageEndIOWrite is mpage_end_io_write(): an error is kept for fsync().
func mpageEndIOWrite(k *sim.K, page *Page, err error) {
	if err != nil {
		page.home.wbErr.set(k)
	}
	EndPageWriteback(k, page)
}

// BlockWriteFullPage is block_write_full_page(): the Writepage of the files of
// [NewBlockFS]. What lies behind the end of the file is zeroed.
func BlockWriteFullPage(k *sim.K, inode *Inode, page *Page) error {
	if prepareWriteback(k, inode, page) {
		submitWrite(k, inode, []*Page{page})
	}
	return nil
}

// prepareWriteback turns a locked page, which was dirty, into one that is being
// written back. It is false for one that the file ends before: whoever truncates is
// about to drop it.
func prepareWriteback(k *sim.K, inode *Inode, page *Page) bool {
	start, size := int64(page.Index)<<PageShift, inode.ISize.Read(k)
	if start >= size {
		UnlockPage(k, page)
		return false
	}
	if size-start < PageSize {
		memclearHighpage(k, page, int(size-start), PageSize)
	}
	SetPageWriteback(k, page)
	UnlockPage(k, page)
	return true
}

func submitWrite(k *sim.K, inode *Inode, pages []*Page) {
	submitBio(k, &bio{inode: inode, pages: pages, endIO: mpageEndIOWrite, write: true})
}

// WriteCachePages is mpage_writepages(): it starts to write back the pages of the
// file that are dirty now, neighbours in one request. With wait it first waits for
// pages that are being written back already; without, it leaves those alone. A file
// that is not written back stays as it is. The caller holds no page lock; the
// function sleeps.
func WriteCachePages(k *sim.K, inode *Inode, wait bool) {
	mapping := inode.Mapping
	if inode.fs.dev == nil {
		return
	}
	var run []*Page
	flush := func() {
		if len(run) > 0 {
			submitWrite(k, inode, run)
			run = nil
		}
	}
	for _, page := range dirtyPages(k, mapping) {
		if n := len(run); n == inode.fs.dev.bioPages() || n > 0 && run[n-1].Index+1 != page.Index {
			flush()
		}
		if !TrylockPage(k, page) {
			// Whoever has it may wait for what we have not submitted yet.
			flush()
			LockPage(k, page)
		}
		switch {
		case page.Mapping.Get(k) != mapping: // truncated or reclaimed
			UnlockPage(k, page)
		case !wait && PageWriteback(k, page):
			UnlockPage(k, page)
		default:
			if wait && PageWriteback(k, page) {
				flush()
				WaitOnPageWriteback(k, page)
			}
			if !ClearPageDirtyForIO(k, page) {
				UnlockPage(k, page)
			} else if prepareWriteback(k, inode, page) {
				run = append(run, page)
			}
		}
		PageCacheRelease(k, page)
	}
	flush()
}

// dirtyPages are the pages of the mapping that are dirty, with a new reference
// each.
func dirtyPages(k *sim.K, mapping *Mapping) (dirty []*Page) {
	k.Step(opDirtyLookup, &mapping.tree, sim.Read)
	mapping.pages.Ascend(func(p *Page) bool {
		k.Touch(&p.flags, sim.Read)
		if p.dirty {
			k.Touch(&p.count, sim.Add)
			p.refs++
			dirty = append(dirty, p)
		}
		return true
	})
	k.Machine().Fold(uint64(len(dirty)))
	return dirty
}
