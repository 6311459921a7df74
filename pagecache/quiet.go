package pagecache

import (
	"fmt"
	"slices"

	"trapline/sim"
)

// The functions here are for the setup of a scenario and for its final check,
// when no task runs. None of them is a step.

// Populate brings the page of the file at index into memory, as if it had been
// read before.
func Populate(k *sim.K, inode *Inode, index uint64) *Page {
	p := PageCacheAlloc(k, inode.Mapping, index)
	p.hold(inode.onDevice(index))
	p.uptodate = true
	p.Mapping.Set(k, inode.Mapping)
	inode.Mapping.pages.ReplaceOrInsert(p)
	return p
}

// Peek is the byte at offset off of the file as the page cache has it, if there
// is an up-to-date page.
func Peek(inode *Inode, off int64) (b byte, ok bool) {
	p := inode.Mapping.page(uint64(off) >> PageShift)
	if p == nil || !p.uptodate {
		return 0, false
	}
	return p.data[off&(PageSize-1)], true
}

// PeekByte is the byte at offset off of the page.
func (p *Page) PeekByte(off int) byte { return p.data[off] }

// PeekMapcount is how many page table entries map the page.
func (p *Page) PeekMapcount() int { return p.mapcount }

// CheckQuiet returns what is wrong with the cached pages of the file when
// nothing uses them any more but page tables: a page that is locked, or has
// more or fewer references than the cache and the page tables account for, or
// has what was lost on the way to the device. It returns nil if all is well.
func CheckQuiet(inode *Inode) (v *sim.Violation) {
	inode.Mapping.pages.Ascend(func(p *Page) bool {
		v = p.checkQuiet(inode.Mapping)
		return v == nil
	})
	return v
}

func (p *Page) checkQuiet(mapping *Mapping) *sim.Violation {
	bad := func(format string, args ...any) *sim.Violation {
		return &sim.Violation{Kind: BadPageState, Subject: p.name + " " + fmt.Sprintf(format, args...)}
	}
	switch {
	case !p.life.Alive():
		return bad("is in the page cache, but free")
	case p.Mapping.Peek() != mapping:
		return bad("is in the page cache of another file")
	case p.locked:
		return bad("is still locked")
	case p.writeback:
		return bad("is still being written back")
	case p.refs != 1+p.mapcount:
		return bad("has %d references; the page cache and %d page table entries account for %d", p.refs, p.mapcount, 1+p.mapcount)
	case mapping.Host.lost(p):
		return &sim.Violation{Kind: LostWrite, Subject: p.name + " is clean, but not what the device has"}
	}
	return nil
}

// LostWrite is a page that counts as clean, though what was written to it is not on
// the device: if it is reclaimed, that is lost.
var LostWrite = sim.Kind{Name: "lost-write", Class: "BUG: lost write"}

// lost says that a page of a file that is written back has a LostWrite. After an
// error of writing back, that is as it should be.
func (inode *Inode) lost(p *Page) bool {
	size := inode.ISize.Peek() - int64(p.Index)<<PageShift
	if inode.fs.dev == nil || inode.Mapping.wbErr.n > 0 || !p.uptodate || p.dirty || size <= 0 {
		return false
	}
	n := int(min(size, PageSize))
	there := inode.onDevice(p.Index)
	have := min(n, len(there))
	return !slices.Equal(p.data[:have], there[:have]) || slices.ContainsFunc(p.data[have:n], func(b byte) bool { return b != 0 })
}

// Evict drops all pages of the file that only the cache has references to, so
// that they do not count as leaked. It is the last thing to do, after the checks
// and after the page tables are gone.
func Evict(k *sim.K, inode *Inode) {
	for {
		p, ok := inode.Mapping.pages.DeleteMin()
		if !ok {
			return
		}
		p.Mapping.Set(k, nil)
		putPage(k, p)
	}
}
