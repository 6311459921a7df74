package vm

import (
	"slices"

	"trapline/pagecache"
	"trapline/sim"
)

// ptUnlocked is the way to the page table while nobody holds its lock.
const ptUnlocked sim.Wait = 1

// flushCeiling is tlb_single_page_flush_ceiling of arch/x86/mm/tlb.c: for more
// pages than that a TLB is emptied.
const flushCeiling = 33

var (
	opFlushTLB  = sim.NewOp("flush_tlb_func(%s)")
	opFinishTLB = sim.NewOp("tlb_finish_mmu(%s)")
)

// lockedStep is one operation on the page table, under its lock.
func (mm *MM) lockedStep(k *sim.K, op sim.Op, mode sim.Mode) {
	if mm.Watched {
		k.StepWait(op, &mm.pgd, mode, ptUnlocked)
		return
	}
	k.Step(op, &mm.pgd, mode)
}

// gather is struct mmu_gather: page table entries of a range were changed so that
// less is allowed, TLBs may have them as they were, and pages wait until none
// does. It begins within the step that changes the entries.
type gather struct {
	mm         *MM
	start, end uint64 // pages
	pages      []*pagecache.Page
	cpus       []*CPU
}

// gather begins the flush of the pages from start up to end.
func (mm *MM) gather(start, end uint64) *gather {
	g := &gather{mm: mm, start: start, end: end}
	if mm.Watched && len(mm.cpus) > 0 {
		g.cpus = slices.Clone(mm.cpus)
		mm.pending = append(mm.pending, g)
	}
	return g
}

// clear clears an entry, and drops its page when nobody has it in a TLB.
func (g *gather) clear(k *sim.K, vpn uint64, e pte) {
	g.mm.pt.set(vpn, pte{})
	if g.cpus == nil {
		pagecache.PageRemoveRmap(k, e.page)
		return
	}
	pagecache.PageRemoveRmapOnly(k, e.page)
	g.pages = append(g.pages, e.page)
}

// finish is tlb_finish_mmu(): it flushes the TLBs of all processors on which the
// address space is active, and drops the pages. It is called in the step that has
// changed the entries, and may take more.
func (g *gather) finish(k *sim.K) { g.finishLocked(k, false, func() {}) }

// finishLocked is finish with the page table locked from the step under way to the
// last one, if lock is set; in that one then is called.
func (g *gather) finishLocked(k *sim.K, lock bool, then func()) {
	mm := g.mm
	if g.cpus == nil {
		for _, c := range mm.cpus {
			c.forget(g.start, g.end)
		}
		then()
		return
	}
	if lock {
		mm.pgd.Forbid(ptUnlocked)
		mm.pgd.SetHolder(k)
	}
	g.flush(k)
	k.Step(opFinishTLB, &mm.pgd, sim.Write)
	mm.pending = slices.DeleteFunc(mm.pending, func(o *gather) bool { return o == g })
	for _, p := range g.pages {
		pagecache.PutPage(k, p)
	}
	then()
	if lock {
		mm.pgd.Allow(ptUnlocked)
		mm.pgd.SetHolder(nil)
	}
}

// flush is native_flush_tlb_multi(). The sender of the IPI waits for each
// processor to have served it and does nothing meanwhile, so what one of them does
// is one step, at whatever time it comes.
func (g *gather) flush(k *sim.K) {
	for _, c := range g.cpus {
		k.Step(opFlushTLB, &c.tlb, sim.Write)
		c.forget(g.start, g.end)
	}
}

// flushing says whether a flush of the page is under way, so that TLBs may still
// have it as it was.
func (mm *MM) flushing(vpn uint64) bool {
	return mm.forking || slices.ContainsFunc(mm.pending, func(g *gather) bool { return g.start <= vpn && vpn < g.end })
}
