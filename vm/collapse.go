package vm

import (
	"trapline/pagecache"
	"trapline/sim"
)

// pteTable is the page that holds the entries of a page table, of an address space in
// which somebody wants to know whether that page is there; see WatchTable. There is one
// for all entries.
type pteTable struct {
	pmd     sim.Object
	present bool
	life    *sim.Life
}

var (
	opPmdRead     = sim.NewOp("pmdp_get_lockless(%s)")
	opPmdPopulate = sim.NewOp("pmd_populate(%s)")
	opPmdCollapse = sim.NewOp("pmdp_collapse_flush(%s)")
	opPteMap      = sim.NewOp("pte_offset_map(%s)")
)

var _ = sim.Plumbing("enter", "populate", "free_table")

// WatchTable has the page that holds the entries of the page table be allocated and freed
// like others. It is for the setup.
func WatchTable(k *sim.K, mm *MM) {
	mm.table = &pteTable{}
	mm.table.pmd.Init(k, mm.Name)
	mm.table.alloc(k)
}

func (t *pteTable) alloc(k *sim.K) {
	t.life = &sim.Life{}
	k.Born(t.life, "page table")
	t.present = true
}

// populate is pte_alloc(). The caller holds mm->mmap_sem.
func (t *pteTable) populate(k *sim.K) {
	if t == nil {
		return
	}
	k.Step(opPmdPopulate, &t.pmd, sim.Write)
	if !t.present {
		t.alloc(k)
	}
}

// enter is a walk of the page table down to its entries. It is false if there are none.
func (t *pteTable) enter(k *sim.K) bool {
	if t == nil {
		return true
	}
	k.Step(opPmdRead, &t.pmd, sim.Read)
	if !t.present {
		return false
	}
	k.Use(opPteMap, t.life)
	return true
}

// freeTable is the end of free_pgtables().
func (t *pteTable) freeTable(k *sim.K) {
	if t == nil {
		return
	}
	k.Step(opPmdRead, &t.pmd, sim.Write)
	if t.present {
		t.present = false
		k.Kfree(t.life)
	}
}

// khugepagedExit is khugepaged_exit(): if khugepaged is at work on the address space it
// holds mm->mmap_sem, and if it comes later it finds no users.
func khugepagedExit(k *sim.K, mm *MM) {
	if mm.table != nil {
		k.DownWrite(&mm.MmapSem)
		k.UpWrite(&mm.MmapSem)
	}
}

// GetUserPageFast is get_user_pages_fast() of one page that is mapped: it walks the page
// table without a lock, with interrupts off. It returns nil if there is none.
func GetUserPageFast(k *sim.K, mm *MM, addr uint64) *pagecache.Page {
	flags := k.LocalIRQSave()
	defer k.LocalIRQRestore(flags)
	if !mm.table.enter(k) {
		return nil
	}
	return FollowPage(k, mm, addr)
}

// Khugepaged is the thread that makes huge pages of the pages of a file, and takes the
// page tables away that have only entries for those. Its fields are what it has got wrong
// at times.
type Khugepaged struct {
	// IgnoresExit lets it work on an address space that is being taken down.
	IgnoresExit bool
	// LooksOnce has it look for private pages only before it has mm->mmap_sem.
	LooksOnce bool
	// TellsNobody has it free a page table at once, while others may be walking over it
	// with interrupts off.
	TellsNobody bool
}

// RetractPageTables is retract_page_tables(). It leaves areas alone that may have private
// pages, and address spaces that are locked.
func (h Khugepaged) RetractPageTables(k *sim.K, mapping *pagecache.Mapping) {
	k.SpinLock(&mapping.IMmapLock)
	defer k.SpinUnlock(&mapping.IMmapLock)
	for _, vma := range Mappings(k, mapping) {
		if vma.hasAnon(k) || !k.DownWriteTrylock(&vma.MM.MmapSem) {
			continue
		}
		exiting := !h.IgnoresExit && k.RefcountRead(vma.MM.users) == 0
		if !exiting && (h.LooksOnce || !vma.hasAnon(k)) {
			h.collapseAndFreePmd(k, vma)
		}
		k.UpWrite(&vma.MM.MmapSem)
	}
}

// collapseAndFreePmd is collapse_and_free_pmd(): the entries go with the table that they
// are in, whatever they are for; those for pages of the file count as unmapped. The
// caller holds mm->mmap_sem for writing.
func (h Khugepaged) collapseAndFreePmd(k *sim.K, vma *VMA) {
	mm, t := vma.MM, vma.MM.table
	mm.lockedStep(k, opPmdCollapse, sim.Write)
	mm.pt.each(vma.Start>>pageShift, vma.End>>pageShift, func(vpn uint64, e pte) {
		mm.pt.set(vpn, pte{})
		if !e.anon() {
			pagecache.PageRemoveRmap(k, e.page)
		}
	})
	if t == nil {
		return
	}
	k.Touch(&t.pmd, sim.Write)
	was := t.present
	t.present = false
	if !h.TellsNobody {
		k.SmpCallFunction(func(*sim.K) {}, true) // tlb_remove_table_sync_one()
	}
	if was {
		k.Kfree(t.life)
	}
}
