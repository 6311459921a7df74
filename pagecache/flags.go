package pagecache

import "trapline/sim"

var (
	opPageUptodate      = sim.NewOp("PageUptodate(%s)")
	opSetPageUptodate   = sim.NewOp("SetPageUptodate(%s)")
	opClearPageUptodate = sim.NewOp("ClearPageUptodate(%s)")
	opPageError         = sim.NewOp("PageError(%s)")
	opSetPageError      = sim.NewOp("SetPageError(%s)")
	opClearPageError    = sim.NewOp("ClearPageError(%s)")
	opPageDirty         = sim.NewOp("PageDirty(%s)")
	opSetPageDirty      = sim.NewOp("SetPageDirty(%s)")
)

var _ = sim.Plumbing("page_uptodate", "set_page_uptodate", "clear_page_uptodate",
	"page_error", "set_page_error", "clear_page_error", "page_dirty", "set_page_dirty", "test_flag", "change_flag")

// PageUptodate is PageUptodate(): whether the content is that of the file.
func PageUptodate(k *sim.K, p *Page) bool { return testFlag(k, opPageUptodate, p, &p.uptodate) }

// SetPageUptodate is SetPageUptodate().
func SetPageUptodate(k *sim.K, p *Page) { changeFlag(k, opSetPageUptodate, p, &p.uptodate, true) }

// ClearPageUptodate is ClearPageUptodate().
func ClearPageUptodate(k *sim.K, p *Page) { changeFlag(k, opClearPageUptodate, p, &p.uptodate, false) }

// PageError is PageError(): whether the last read of the page failed.
func PageError(k *sim.K, p *Page) bool { return testFlag(k, opPageError, p, &p.failed) }

// SetPageError is SetPageError().
func SetPageError(k *sim.K, p *Page) { changeFlag(k, opSetPageError, p, &p.failed, true) }

// ClearPageError is ClearPageError().
func ClearPageError(k *sim.K, p *Page) { changeFlag(k, opClearPageError, p, &p.failed, false) }

// PageDirty is PageDirty(): whether the page has to be written back before it
// may be dropped.
func PageDirty(k *sim.K, p *Page) bool { return testFlag(k, opPageDirty, p, &p.dirty) }

// SetPageDirty is SetPageDirty(), and set_page_dirty(): the content is newer than
// what the device holds, and whoever writes back is told.
func SetPageDirty(k *sim.K, p *Page) {
	k.Step(opSetPageDirty, &p.flags, sim.Write)
	p.redirty(k)
}

func testFlag(k *sim.K, op sim.Op, p *Page, flag *bool) bool {
	k.Step(op, &p.flags, sim.Read)
	if k.Tracing() {
		k.Note("= %t", *flag)
	}
	return *flag
}

func changeFlag(k *sim.K, op sim.Op, p *Page, flag *bool, v bool) {
	k.Step(op, &p.flags, sim.Write)
	*flag = v
}

// DirtyPage is SetPageDirty as a part of the step being taken, such as a store
// to the page.
func DirtyPage(k *sim.K, p *Page) {
	k.Touch(&p.flags, sim.Write)
	p.redirty(k)
}

// redirty sets PG_dirty within a step on the flags.
func (p *Page) redirty(k *sim.K) {
	if !p.dirty && p.home != nil {
		p.home.Host.markDirty(k)
	}
	p.dirty = true
}
