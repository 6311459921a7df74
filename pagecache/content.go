package pagecache

import (
	"slices"

	"trapline/sim"
)

// PageNotUptodate is the rule that all users of the page cache rely on: until
// PG_uptodate is set, the content of a page belongs to the read that fills it.
var PageNotUptodate = sim.Kind{Name: "page-not-uptodate", Class: "BUG: page touched before PG_uptodate"}

// PageGone is the rule for whoever changes the page of a file behind the back of those
// who use the file: the page is in the page cache, and stays there meanwhile. Else
// the change is lost, and whoever made it believes that it is there. The page lock
// keeps the page where it is.
var PageGone = sim.Kind{Name: "page-gone", Class: "BUG: page changed that has left its file"}

var (
	opReadPage  = sim.NewOp("memcpy(buf, %s)")
	opWritePage = sim.NewOp("memcpy(%s, buf)")
	opCopyPage  = sim.NewOp("copy_user_highpage(%s)")
	opFillPage  = sim.NewOp("fill_page(%s)")
	opClearPage = sim.NewOp("memclear_highpage(%s)")
)

var _ = sim.Plumbing("read_byte", "read_bytes", "write_byte", "write_bytes", "load_byte", "store_byte", "must_be_uptodate")

// mustBeUptodate enforces PageNotUptodate within a step on the content. The
// context that ends a read is exempt until it unlocks the page, and so is everyone for
// a file that is [Inode.Recycled].
func mustBeUptodate(k *sim.K, p *Page) {
	if p.filler == k || p.recycled {
		return
	}
	k.Touch(&p.flags, sim.Read)
	if !p.uptodate {
		k.Fail(&sim.Violation{Kind: PageNotUptodate, Subject: p.name})
	}
}

// ReadBytes copies n bytes from offset off of the page, in one step.
func ReadBytes(k *sim.K, p *Page, off, n int) []byte {
	k.Step(opReadPage, &p.content, sim.Read)
	mustBeUptodate(k, p)
	if k.Tracing() {
		k.Note("= % x", p.data[off:min(off+n, off+16)])
	}
	return slices.Clone(p.data[off : off+n])
}

// ReadByte reads the byte at offset off of the page.
func ReadByte(k *sim.K, p *Page, off int) byte {
	k.Step(opReadPage, &p.content, sim.Read)
	b := LoadByte(k, p, off)
	if k.Tracing() {
		k.Note("[%#x] = %02x", off, b)
	}
	return b
}

// WriteByte changes the byte at offset off of the page, for everyone who maps or
// reads it, see [PageGone]. The page does not become dirty by it.
func WriteByte(k *sim.K, p *Page, off int, b byte) {
	k.Step(opWritePage, &p.content, sim.Write)
	StoreByte(k, p, off, b)
	if p.home != nil {
		k.Touch(&p.place, sim.Read)
		if p.Mapping.Peek() == nil {
			k.Fail(&sim.Violation{Kind: PageGone, Subject: p.name})
		}
	}
	if k.Tracing() {
		k.Note("[%#x] <- %02x", off, b)
	}
}

// WriteBytes is WriteByte of all of b, from offset off on, in one step.
func WriteBytes(k *sim.K, p *Page, off int, b []byte) {
	k.Step(opWritePage, &p.content, sim.Write)
	StoreBytes(k, p, off, b)
	if k.Tracing() {
		k.Note("[%#x] <- % x", off, b)
	}
}

// LoadByte is ReadByte as a part of the step being taken, such as the walk of a
// page table that found the page.
func LoadByte(k *sim.K, p *Page, off int) byte {
	k.Touch(&p.content, sim.Read)
	mustBeUptodate(k, p)
	k.Machine().Fold(uint64(p.data[off]))
	return p.data[off]
}

// StoreByte is WriteByte as a part of the step being taken.
func StoreByte(k *sim.K, p *Page, off int, b byte) {
	k.Touch(&p.content, sim.Write)
	mustBeUptodate(k, p)
	k.Machine().Fold(uint64(b))
	p.own()[off] = b
	p.changed(off, 1)
}

// CopyUserHighpage is copy_user_highpage(): it fills the page dst, which nobody
// else knows yet, with the content of src.
func CopyUserHighpage(k *sim.K, dst, src *Page) {
	k.Step(opCopyPage, &src.content, sim.Read)
	mustBeUptodate(k, src)
	dst.hold(src.snapshot())
	dst.uptodate = true
}

// fillPage is the page being filled by whatever stands for the device with src:
// what the file has there, and zeroes after the end of its blocks. From here to
// unlock_page() the content belongs to k.
func fillPage(k *sim.K, inode *Inode, p *Page, src []byte) {
	fillStep(k, inode, p)
	p.hold(inode.within(p.Index, inode.cut(p.Index, src)))
}

// fillFromDevice is fillPage with what the device of the file holds.
func fillFromDevice(k *sim.K, inode *Inode, p *Page) {
	fillStep(k, inode, p)
	p.hold(inode.within(p.Index, inode.onDevice(p.Index)))
}

func fillStep(k *sim.K, inode *Inode, p *Page) {
	k.Step(opFillPage, &p.content, sim.Write)
	k.Touch(&inode.blocks, sim.Read)
	p.filler = k
}

// memclearHighpage zeroes the page from offset from up to end.
func memclearHighpage(k *sim.K, p *Page, from, end int) {
	k.Step(opClearPage, &p.content, sim.Write)
	clear(p.own()[from:end])
	p.changed(from, end-from)
}
