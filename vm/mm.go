package vm

import (
	"github.com/google/btree"

	"trapline/pagecache"
	"trapline/sim"
)

// Addresses are split into pages as by i386 and x86-64.
const (
	pageShift = pagecache.PageShift
	pageSize  = pagecache.PageSize
)

// MM is struct mm_struct: the address space of one process, all of whose threads
// share it. Locks are taken in this order:
//
//	mm->mmap_sem             the areas
//	mapping->i_mmap_lock     of a file, to add or remove an area
//	mm->page_table_lock      the page table
//
// The page table lock only ever covers one operation on the table, so each of
// them is one step and the lock itself is left out.
type MM struct {
	// Name of the process, for traces.
	Name string
	// MmapSem is mmap_sem: it protects the areas.
	MmapSem  sim.RWSem
	mmapData sim.Data
	mmap     *btree.BTreeG[*VMA] // by start; protected by MmapSem

	pgd  sim.Object
	ptes []pte // by virtual page number
}

// NewMM returns an empty address space. It is for the setup of a scenario.
func NewMM(k *sim.K, name string) *MM {
	mm := &MM{Name: name, mmap: btree.NewG(8, func(a, b *VMA) bool { return a.Start < b.Start })}
	k.InitRWSem(&mm.MmapSem, "mm->mmap_sem")
	mm.mmapData.Init(k, "mm->mmap")
	mm.pgd.Init(k, name)
	return mm
}

// FindVMA is find_vma() with the test of vm_start that mostly follows: the area
// that holds addr, nil if there is none. The caller holds mm->mmap_sem.
func FindVMA(k *sim.K, mm *MM, addr uint64) *VMA {
	mm.mmapData.Read(k)
	vma := mm.vmaAt(addr)
	if vma != nil {
		vma.data.Read(k)
	}
	return vma
}

func (mm *MM) vmaAt(addr uint64) (found *VMA) {
	mm.mmap.DescendLessOrEqual(&VMA{Start: addr}, func(vma *VMA) bool {
		if addr < vma.End {
			found = vma
		}
		return false
	})
	return found
}
