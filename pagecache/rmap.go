package pagecache

import (
	"slices"

	"trapline/sim"
)

// Mapper is an area of some address space that maps a file, a vm_area_struct.
// Its methods are called with mapping->i_mmap_lock held.
type Mapper interface {
	// TryToUnmapOne is try_to_unmap_one(): it removes the page from the page
	// table of the area.
	TryToUnmapOne(k *sim.K, page *Page)
	// UnmapMappingRangeVMA is unmap_mapping_range_vma(): it removes what the
	// area maps of the file from page first on, private copies too.
	UnmapMappingRangeVMA(k *sim.K, first uint64)
}

// Cleaner is what a [Mapper] is too that lets pages of a file be written to without
// a step that makes them dirty. Its method is called with mapping->i_mmap_lock held.
type Cleaner interface {
	// PageMkcleanOne is page_mkclean_one(): the area's entry for the page, if there
	// is one, loses its dirty bit and the right to write, and other processors are
	// told. It says whether the entry was dirty.
	PageMkcleanOne(k *sim.K, page *Page) bool
}

var (
	opReadTruncateCount = sim.NewOp("READ_ONCE(%s)")
	opTruncateCount     = sim.NewOp("%s++")
)

// Mappers are the areas that map the file, in the order in which they came. The
// caller holds mapping->i_mmap_lock, and uses them no longer than that.
func (mapping *Mapping) Mappers(k *sim.K) []Mapper {
	k.AssertHeld(&mapping.IMmapLock)
	mapping.mappersData.Read(k)
	return mapping.mappers
}

// VMALinkFile is __vma_link_file(): the area maps the file from now on. The
// caller holds mapping->i_mmap_lock.
func VMALinkFile(k *sim.K, mapping *Mapping, m Mapper) {
	k.AssertHeld(&mapping.IMmapLock)
	mapping.mappersData.Write(k)
	mapping.mappers = append(mapping.mappers, m)
}

// VMAUnlinkFile is __remove_shared_vm_struct(): the area maps the file no more.
// The caller holds mapping->i_mmap_lock.
func VMAUnlinkFile(k *sim.K, mapping *Mapping, m Mapper) {
	k.AssertHeld(&mapping.IMmapLock)
	mapping.mappersData.Write(k)
	i := slices.Index(mapping.mappers, m)
	mapping.mappers = slices.Delete(mapping.mappers, i, i+1)
}

// TruncateCount is mapping->truncate_count: how often pages were unmapped
// because of a truncation. A fault that sees it change looks again.
func (mapping *Mapping) TruncateCount(k *sim.K) uint32 {
	k.Step(opReadTruncateCount, &mapping.truncateObj, sim.Read)
	return mapping.truncateCount
}

// LoadTruncateCount is TruncateCount as a part of the step being taken.
func (mapping *Mapping) LoadTruncateCount(k *sim.K) uint32 {
	k.Touch(&mapping.truncateObj, sim.Read)
	return mapping.truncateCount
}

// UnmapMappingRange is unmap_mapping_range(): it removes the pages of the file
// from page first on from all page tables.
func UnmapMappingRange(k *sim.K, mapping *Mapping, first uint64) {
	k.SpinLock(&mapping.IMmapLock)
	// Before the page tables are looked at: a fault that is to set an entry
	// behind our back sees the new count.
	k.Step(opTruncateCount, &mapping.truncateObj, sim.Write)
	mapping.truncateCount++
	for _, m := range mapping.Mappers(k) {
		m.UnmapMappingRangeVMA(k, first)
	}
	k.SpinUnlock(&mapping.IMmapLock)
}

// tryToUnmap is try_to_unmap(): it removes the page from all page tables, and
// says whether it is unmapped then. The caller holds the page lock.
func tryToUnmap(k *sim.K, mapping *Mapping, page *Page) bool {
	k.SpinLock(&mapping.IMmapLock)
	for _, m := range mapping.Mappers(k) {
		m.TryToUnmapOne(k, page)
	}
	k.SpinUnlock(&mapping.IMmapLock)
	return !PageMapped(k, page)
}

// pageMkclean is page_mkclean(): no page table lets the page be written to after it.
// What was written through one makes the page dirty. The caller holds the page lock.
func pageMkclean(k *sim.K, mapping *Mapping, page *Page) {
	if !PageMapped(k, page) {
		return
	}
	dirty := false
	k.SpinLock(&mapping.IMmapLock)
	for _, m := range mapping.Mappers(k) {
		if c, ok := m.(Cleaner); ok && c.PageMkcleanOne(k, page) {
			dirty = true
		}
	}
	k.SpinUnlock(&mapping.IMmapLock)
	if dirty {
		SetPageDirty(k, page)
	}
}
