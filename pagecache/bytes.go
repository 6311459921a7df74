package pagecache

import "trapline/sim"

// pageBytes is the content of a page. What was read from a device is not copied: the
// page holds the bytes of the device until one of them changes.
type pageBytes struct {
	data   []byte // PageSize bytes
	shared bool   // data is not to be changed
	fixed  bool   // data is not to move
	// recycled says that data may be used before it was read; see [Inode.Recycled].
	recycled bool
	watcher  Watcher
}

// zeroes is the content of pages that hold nothing else.
var zeroes [PageSize]byte

var noBytes = pageBytes{data: zeroes[:], shared: true}

// Watcher is told when the content of a page changes in another way than through
// the array that [Page.Bytes] returns: by the end of a read, write(2), a
// truncation. It is part of the step that changes it. The frame of an executor is
// one.
type Watcher interface {
	// Changed says that n bytes from offset on have changed.
	Changed(offset, n int)
}

// Bytes is the content of the page at an address that stays the same as long as
// the page lives, for an executor. To read or write it is a use of the page, which
// is to be declared with [UseBytes] within the same step.
func (p *Page) Bytes() *[PageSize]byte {
	p.own()
	p.fixed = true
	return (*[PageSize]byte)(p.data)
}

// Watch has w told of changes from now on, and nobody else.
func (p *Page) Watch(w Watcher) { p.watcher = w }

// Watcher is who is told of changes, nil if nobody is.
func (p *Page) Watcher() Watcher { return p.watcher }

// UseBytes declares that the step being taken reads the content of the page, or
// with mode Write changes it, through [Page.Bytes]. The page must be up to date. A
// page of a file that is written becomes dirty by [DirtyPage].
func UseBytes(k *sim.K, p *Page, mode sim.Mode) {
	k.Touch(&p.content, mode)
	mustBeUptodate(k, p)
}

// own makes the content the page's own, so that it can be changed.
func (b *pageBytes) own() []byte {
	if b.shared {
		b.data = append(make([]byte, 0, PageSize), b.data...)
		b.shared = false
	}
	return b.data
}

// hold makes src, which nobody changes any more, the content of the page, with
// zeroes behind it.
func (b *pageBytes) hold(src []byte) {
	switch {
	case b.fixed:
		clear(b.data[copy(b.data, src):])
	case len(src) == PageSize:
		b.data, b.shared = src, true
	case len(src) == 0:
		b.data, b.shared = zeroes[:], true
	default:
		b.data, b.shared = make([]byte, PageSize), false
		copy(b.data, src)
	}
	b.changed(0, PageSize)
}

// snapshot is the content as it is now, not to be changed any more.
func (b *pageBytes) snapshot() []byte {
	if b.fixed {
		return append(make([]byte, 0, PageSize), b.data...)
	}
	b.shared = true
	return b.data
}

// changed tells the watcher.
func (b *pageBytes) changed(offset, n int) {
	if b.watcher != nil {
		b.watcher.Changed(offset, n)
	}
}
