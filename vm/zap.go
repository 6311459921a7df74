package vm

import (
	"trapline/pagecache"
	"trapline/sim"
)

var (
	opZapPageRange = sim.NewOp("zap_page_range(%s)")
	opClearPte     = sim.NewOp("ptep_clear_flush(%s)")
	opWrprotectPte = sim.NewOp("ptep_set_wrprotect(%s)")
)

// zapPageRange is zap_page_range(), with the work of unmap_vmas(): it clears the
// entries from address start up to end.
func zapPageRange(k *sim.K, mm *MM, start, end uint64) {
	if !mm.table.enter(k) {
		return
	}
	mm.lockedStep(k, opZapPageRange, sim.Write)
	n := mm.pt.pages
	g := mm.gather(start>>pageShift, end>>pageShift)
	mm.pt.each(g.start, g.end, func(vpn uint64, e pte) { g.clear(k, vpn, e) })
	if k.Tracing() {
		k.Note("%#x-%#x: %d pages", start, end, n-mm.pt.pages)
	}
	g.finish(k)
}

// UnmapMappingRangeVMA is unmap_mapping_range_vma(): see [pagecache.Mapper].
func (vma *VMA) UnmapMappingRangeVMA(k *sim.K, first uint64) {
	vma.data.Read(k)
	from := vma.Start
	if first > vma.Pgoff {
		from += (first - vma.Pgoff) << pageShift
	}
	if from < vma.End {
		zapPageRange(k, vma.MM, from, vma.End)
	}
}

// TryToUnmapOne is try_to_unmap_one(): see [pagecache.Mapper].
func (vma *VMA) TryToUnmapOne(k *sim.K, page *pagecache.Page) {
	vma.change(k, page, opClearPte, func(g *gather, e pte) { g.clear(k, g.start, e) })
}

// PageMkcleanOne is page_mkclean_one(): it takes away the right to write to the
// page through the area, so that the next write makes the page dirty again. It
// says whether there was that right. The caller holds mapping->i_mmap_lock.
func (vma *VMA) PageMkcleanOne(k *sim.K, page *pagecache.Page) (cleaned bool) {
	vma.change(k, page, opWrprotectPte, func(g *gather, e pte) {
		cleaned = e.write()
		e.bits &^= pteWrite
		g.mm.pt.set(g.start, e)
	})
	return cleaned
}

// change has f change the entry by which the area maps a page of its file, if it
// does, within a step; the flush of the TLB follows.
func (vma *VMA) change(k *sim.K, page *pagecache.Page, op sim.Op, f func(g *gather, e pte)) {
	addr, ok := VMAAddress(k, vma, page.Index)
	if !ok {
		return
	}
	mm := vma.MM
	mm.lockedStep(k, op, sim.Write)
	e, present := mm.walk(addr)
	if !present || e.page != page {
		return
	}
	g := mm.gather(addr>>pageShift, addr>>pageShift+1)
	f(&g, e)
	g.finishLocked(k, true, nil)
}
