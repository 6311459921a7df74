package vm

import (
	"cmp"
	"slices"

	"trapline/pagecache"
	"trapline/sim"
)

// pte is a present entry of a page table. It owns a reference to its page.
type pte struct {
	vpn   uint64 // virtual page number
	page  *pagecache.Page
	anon  bool // the page is a private copy
	write bool
}

var (
	opHandlePte    = sim.NewOp("handle_pte_fault(%s)")
	opSetPte       = sim.NewOp("set_pte_at(%s)")
	opZapPageRange = sim.NewOp("zap_page_range(%s)")
	opClearPte     = sim.NewOp("ptep_clear_flush(%s)")
)

// find is the place of the entry for a virtual page, and whether it is present.
func (mm *MM) find(vpn uint64) (i int, present bool) {
	return slices.BinarySearchFunc(mm.ptes, vpn, func(e pte, vpn uint64) int { return cmp.Compare(e.vpn, vpn) })
}

// walk is what the hardware does with an address: it returns the entry, or false
// if there is none.
func (mm *MM) walk(addr uint64) (pte, bool) {
	i, present := mm.find(addr >> pageShift)
	if !present {
		return pte{}, false
	}
	return mm.ptes[i], true
}

// setPte puts e where there is no entry, within a step on the page table. The
// entry takes over the caller's reference to the page.
func setPte(k *sim.K, mm *MM, e pte) {
	i, _ := mm.find(e.vpn)
	mm.ptes = slices.Insert(mm.ptes, i, e)
	pagecache.PageAddRmap(k, e.page)
	if k.Tracing() {
		k.Note("%#x -> %s", e.vpn<<pageShift, e.page)
	}
}

// zapPageRange is zap_page_range(), with the work of unmap_vmas(): it clears the
// entries from address start up to end.
func zapPageRange(k *sim.K, mm *MM, start, end uint64) {
	k.Step(opZapPageRange, &mm.pgd, sim.Write)
	i, _ := mm.find(start >> pageShift)
	j, _ := mm.find(end >> pageShift)
	for _, e := range mm.ptes[i:j] {
		pagecache.PageRemoveRmap(k, e.page)
	}
	if k.Tracing() {
		k.Note("%#x-%#x: %d pages", start, end, j-i)
	}
	mm.ptes = slices.Delete(mm.ptes, i, j)
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
	addr, ok := VMAAddress(k, vma, page.Index)
	if !ok {
		return
	}
	mm := vma.MM
	k.Step(opClearPte, &mm.pgd, sim.Write)
	if i, present := mm.find(addr >> pageShift); present && mm.ptes[i].page == page {
		pagecache.PageRemoveRmap(k, page)
		mm.ptes = slices.Delete(mm.ptes, i, i+1)
	}
}
