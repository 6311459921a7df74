package pagecache

import "trapline/sim"

// What an address space does with pages beside finding them: anonymous ones, and
// those that a processor works on directly.

// Watcher is told of every change of a page's content that goes through this
// package. A processor that keeps decoded instructions is one.
type Watcher interface {
	// Changed says that n bytes from offset off of the page have changed.
	Changed(off, n int)
}

// Watch makes w the watcher of the page. There is one at most.
func (p *Page) Watch(w Watcher) { p.watcher = w }

// Watcher is who watches the page, nil if nobody does.
func (p *Page) Watcher() Watcher { return p.watcher }

// Bytes is the content of the page itself, for a processor that executes the
// program. It does not move as long as the page lives. Reading or writing it is no
// access; who does so declares it, see [UseContent].
func (p *Page) Bytes() *[PageSize]byte {
	p.own()
	p.fixed = true
	return (*[PageSize]byte)(p.data)
}

func (p *Page) changed(off, n int) {
	if p.watcher != nil {
		p.watcher.Changed(off, n)
	}
}

// ReuseSwapPage is reuse_swap_page(): whether the page table entry that the
// caller looks at is the only reference to an anonymous page, so that it may be
// written without a copy. It is part of the step that looks at the entry.
func ReuseSwapPage(k *sim.K, p *Page) bool {
	k.Touch(&p.count, sim.Read)
	return p.refs == 1
}

// PageRemoveRmapOnly is page_remove_rmap() alone: a page table entry is cleared,
// and its reference goes to the caller. It is part of the step that clears it.
func PageRemoveRmapOnly(k *sim.K, p *Page) {
	k.Touch(&p.count, sim.Add)
	p.mapcount--
}

// PutPage is [PageCacheRelease] as a part of the step being taken.
func PutPage(k *sim.K, p *Page) {
	k.Touch(&p.count, sim.Add)
	p.life.MustBeAlive(k, p.name, sim.Write)
	putPage(k, p)
}

// UseContent declares a read or a write of the content as a part of the step
// being taken, by whoever then works on [Page.Bytes].
func UseContent(k *sim.K, p *Page, mode sim.Mode) {
	k.Touch(&p.content, mode)
	mustBeUptodate(k, p)
}

// LoadBytes is [LoadByte] of as many bytes as buf holds, from offset off on.
func LoadBytes(k *sim.K, p *Page, off int, buf []byte) {
	UseContent(k, p, sim.Read)
	foldBytes(k, buf[:copy(buf, p.data[off:])])
}

// StoreBytes is [StoreByte] of all of b, from offset off on.
func StoreBytes(k *sim.K, p *Page, off int, b []byte) {
	UseContent(k, p, sim.Write)
	n := copy(p.own()[off:], b)
	foldBytes(k, b[:n])
	p.changed(off, n)
}

// foldBytes makes bytes a part of the trace hash.
func foldBytes(k *sim.K, b []byte) {
	h := uint64(14695981039346656037) // FNV-1a
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	k.Machine().Fold(h)
}

// EvictInode drops all pages of a file that nobody maps or has open any more, as
// truncate_inode_pages() does for shmem_evict_inode(). It sleeps.
func EvictInode(k *sim.K, inode *Inode) { truncateInodePages(k, inode.Mapping, 0) }

// FilemapLookup is the part of filemap_fault() that does not wait: it returns the
// page of the file at index, referenced, or starts to read it and returns that,
// locked as yet. It returns nil if the file has no such page or the read could not
// be started.
func FilemapLookup(k *sim.K, inode *Inode, index uint64) *Page {
	if index >= pages(inode.ISize.Read(k)) {
		return nil
	}
	page := FindGetPage(k, inode.Mapping, index)
	if page != nil {
		return page
	}
	if inode.ReadaheadPages > 0 {
		PageCacheReadahead(k, inode, index)
	} else if pageCacheRead(k, inode, index) != nil {
		return nil
	}
	return FindGetPage(k, inode.Mapping, index)
}

// PeekRefs is how many references there are to the page, and whether it is still
// allocated. It is for checks, and not an access.
func (p *Page) PeekRefs() (n int, alive bool) { return p.refs, p.life.Alive() }

// PeekMappers are the areas that map the file, for checks when no task runs.
func (mapping *Mapping) PeekMappers() []Mapper { return mapping.mappers }
