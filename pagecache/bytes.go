package pagecache

// The content of a page is not copied when it comes from a device: the page holds the
// bytes of the device until one of them changes, or until a processor is to work on
// them.

// zeroes is the content of pages that hold nothing else.
var zeroes [PageSize]byte

// own makes the content the page's own, so that it can be changed.
func (p *Page) own() []byte {
	if p.shared {
		p.data = append(make([]byte, 0, PageSize), p.data...)
		p.shared = false
	}
	return p.data
}

// hold makes src, which nobody changes any more, the content of the page, with
// zeroes behind it.
func (p *Page) hold(src []byte) {
	switch {
	case p.fixed:
		clear(p.data[copy(p.data, src):])
	case len(src) == PageSize:
		p.data, p.shared = src, true
	case len(src) == 0:
		p.data, p.shared = zeroes[:], true
	default:
		p.data, p.shared = make([]byte, PageSize), false
		copy(p.data, src)
	}
	p.changed(0, PageSize)
}

// snapshot is the content as it is now, not to be changed any more.
func (p *Page) snapshot() []byte {
	if p.fixed {
		return append(make([]byte, 0, PageSize), p.data...)
	}
	p.shared = true
	return p.data
}
