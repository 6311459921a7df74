package pagecache

import "trapline/sim"

// What an address space does with pages beside finding them: anonymous ones, and
// those that a processor works on directly.

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

// LoadBytes is [LoadByte] of as many bytes as buf holds, from offset off on.
func LoadBytes(k *sim.K, p *Page, off int, buf []byte) {
	UseBytes(k, p, sim.Read)
	foldBytes(k, buf[:copy(buf, p.data[off:])])
}

// StoreBytes is [StoreByte] of all of b, from offset off on.
func StoreBytes(k *sim.K, p *Page, off int, b []byte) {
	UseBytes(k, p, sim.Write)
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
