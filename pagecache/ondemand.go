package pagecache

import "trapline/sim"

// readahead is struct file_ra_state: the window of pages that was last read ahead for
// a file, start with size pages. The one with asyncSize pages behind it carries
// PG_readahead: who comes to it has the next window read.
type readahead struct {
	o                sim.Object // its changes are one step each
	start            uint64
	size, asyncSize  uint64
	previous, seenIt uint64 // the page last asked for, and 1 if there was one
}

// window is what is to be read: size pages from start on, of which the one with
// asyncSize pages from it to the end is marked.
type window struct{ start, size, asyncSize uint64 }

var (
	opOndemandReadahead = sim.NewOp("ondemand_readahead(&%s)")
	opTestReadahead     = sim.NewOp("PageReadahead(%s)")
	opClearReadahead    = sim.NewOp("ClearPageReadahead(%s)")
	opNextHole          = sim.NewOp("radix_tree_next_hole(%s)")
)

var _ = sim.Plumbing("readahead_for")

// readaheadFor is what a reader does about readahead who has found page, or nil, at
// index, and wants so many pages from there on. It returns the page that is there
// then.
func (f *File) readaheadFor(k *sim.K, page *Page, index, want uint64) *Page {
	if page == nil {
		f.ondemandReadahead(k, index, want, nil)
		return FindGetPage(k, f.Inode.Mapping, index)
	}
	if testFlag(k, opTestReadahead, page, &page.readahead) {
		f.ondemandReadahead(k, index, want, page)
	}
	return page
}

// ondemandReadahead is ondemand_readahead(), called for a page that is missing, or
// for one that is marked: a reader that goes through a file finds each window twice
// as large as the last, up to RAPages, and read before it gets there. Other readers
// get what they ask for.
func (f *File) ondemandReadahead(k *sim.K, index, want uint64, marked *Page) {
	var hole uint64
	if marked != nil {
		if PageWriteback(k, marked) { // the mark may be from before it was written
			return
		}
		changeFlag(k, opClearReadahead, marked, &marked.readahead, false)
		hole = nextHole(k, f.Inode.Mapping, index+1, uint64(f.RAPages))
	}
	k.Step(opOndemandReadahead, &f.ra.o, sim.Write)
	w := f.ra.next(index, want, uint64(f.RAPages), marked != nil, hole)
	if k.Tracing() {
		k.Note("page %d: %d pages from %d, %d of them ahead", index, w.size, w.start, w.asyncSize)
	}
	k.Machine().Fold(w.start<<32 | w.size<<16 | w.asyncSize)
	if w.size > 0 {
		f.Inode.readWindow(k, w)
	}
}

// next decides which pages to read, and remembers them.
func (ra *readahead) next(index, want, most uint64, marked bool, hole uint64) window {
	sequential := index == 0 || ra.seenIt == 1 && index-ra.previous <= 1
	ra.previous, ra.seenIt = index, 1
	grown := func() uint64 {
		if ra.size < most/16 {
			return min(4*ra.size, most)
		}
		return min(2*ra.size, most)
	}
	switch {
	case index > 0 && ra.size > 0 && (index == ra.start+ra.size || index == ra.start+ra.size-ra.asyncSize):
		// Where the last window ends, or where it is marked.
		ra.start += ra.size
		ra.size = grown()
		ra.asyncSize = ra.size
	case marked:
		// Somebody else's mark: the pages up to the next hole are there.
		if hole == 0 || hole-index > most {
			return window{}
		}
		ra.start = hole
		ra.size = hole - index + want
		ra.size = grown()
		ra.asyncSize = ra.size
	case want > most || sequential:
		ra.start = index
		ra.size = initialSize(want, most)
		ra.asyncSize = ra.size
		if ra.size > want {
			ra.asyncSize = ra.size - want
		}
	default:
		return window{index, want, 0} // at random: no window
	}
	// If the page that is asked for carries the mark itself, the next window is read
	// with this one.
	if index == ra.start && ra.size == ra.asyncSize && ra.size < most {
		ra.asyncSize = min(grown(), most-ra.size)
		ra.size += ra.asyncSize
	}
	return window{ra.start, ra.size, ra.asyncSize}
}

// initialSize is get_init_ra_size(): the first window for a reader that wants so many
// pages.
func initialSize(want, most uint64) uint64 {
	size := uint64(1)
	for size < want {
		size *= 2
	}
	switch {
	case size <= most/32:
		size *= 4
	case size <= most/4:
		size *= 2
	default:
		size = most
	}
	return size
}

// nextHole is radix_tree_next_hole(): the first index from first on, of so many, that
// has no page, 0 if all have one.
func nextHole(k *sim.K, mapping *Mapping, first, n uint64) uint64 {
	k.Step(opNextHole, &mapping.tree, sim.Read)
	for i := first; i < first+n; i++ {
		if mapping.page(i) == nil {
			return i
		}
	}
	return 0
}

// readWindow is __do_page_cache_readahead(): it starts to read those pages of the
// window that are not in memory, up to the end of the file, and waits for none. If
// memory is short it reads fewer.
func (inode *Inode) readWindow(k *sim.K, w window) {
	mapping := inode.Mapping
	end := min(w.start+w.size, pages(inode.ISize.Read(k)))
	k.Step(opReadaheadLookup, &mapping.tree, sim.Read)
	var missing []uint64
	for i := w.start; i < end; i++ {
		if mapping.page(i) == nil {
			missing = append(missing, i)
		}
	}
	var pool []*Page
	for _, i := range missing {
		p, err := allocCachePage(k, mapping, i)
		if err != nil {
			break
		}
		p.readahead = w.asyncSize > 0 && i == w.start+w.size-w.asyncSize
		pool = append(pool, p)
	}
	if len(pool) > 0 {
		readPages(k, inode, pool)
	}
}
