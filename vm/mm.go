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

// The address space of a program on x86-64, with four levels of page tables.
const (
	// TaskSize is TASK_SIZE: where the addresses of programs end.
	TaskSize uint64 = 0x7ffffffff000
	// DefaultMmapBase is mmap_base of a program whose addresses are not random, with
	// the usual limit on its stack: maps without an address go below it.
	DefaultMmapBase uint64 = 0x7ffff7fff000

	mmapMinAddr   = 0x10000 // vm.mmap_min_addr
	maxMapCount   = 65530   // vm.max_map_count
	stackGuardGap = 256 * pageSize
	defaultStack  = 8 << 20 // RLIMIT_STACK
)

// MM is struct mm_struct: the address space of one process, all of whose threads
// share it. Locks are taken in this order:
//
//	mm->mmap_sem             the areas
//	mapping->i_mmap_lock     of a file, to add or remove an area
//	mm->page_table_lock      the page table
//
// The page table lock mostly covers one operation on the table, so each of
// them is one step and the lock itself is left out. Only an operation that has to
// wait for the TLBs of watched processors in its midst holds it (see [CPU]).
type MM struct {
	// Name of the process, for traces.
	Name string
	// MmapSem is mmap_sem: it protects the areas.
	MmapSem  sim.RWSem
	mmapData sim.Data
	mmap     *btree.BTreeG[*VMA] // by start; protected by MmapSem
	key      VMA                 // what is looked for in mmap
	totalVM  uint64              // total_vm in pages; protected by MmapSem
	brk      uint64              // protected by MmapSem

	// Hooks is called where the kernel calls uprobes, nil for nobody. It is to be
	// set before the tasks start.
	Hooks Hooks
	// MmapBase is mmap_base, StartBrk start_brk, StackLimit the limit on the size
	// of a stack in bytes, RLIMIT_STACK, and AddressLimit that on all areas
	// together, RLIMIT_AS, 0 for none. Only who sets up the address space for a
	// program changes them.
	MmapBase, StartBrk, StackLimit, AddressLimit uint64
	// Full, if it is not nil, says that no more pages are to be mapped: a fault then
	// fails with ENOMEM. It is to be set before any task uses the address space;
	// children inherit it.
	Full func() bool

	// Zone is where private pages are taken from, nil if there is no end of memory.
	// It is to be set before any task uses the address space; children inherit it.
	Zone *pagecache.Zone
	// Watched says that every access to memory by a [CPU] on which the address space
	// is active is a step, as a search needs it, and that a flush of its TLB takes
	// steps too. It is to be set before any task or CPU uses the address space;
	// children inherit it.
	Watched bool

	users *sim.Refcount // mm_users, nil if nobody counts them

	pgd sim.Object
	pt  pageTable

	cpus    []*CPU      // mm_cpumask; changed within steps on pgd
	pending []flush     // flushes under way; changed within steps on pgd
	forking bool        // entries were made read-only, and TLBs not flushed yet
	moving  []movingPte // by mremap(); with the page table locked

	unstable bool      // MMF_UNSTABLE: fork has given up; protected by MmapSem
	table    *pteTable // nil if nobody wants to know
}

// NewMM returns an empty address space whose users nobody counts. It is for the
// setup of a scenario, which takes it down itself.
func NewMM(k *sim.K, name string) *MM {
	mm := &MM{Name: name, mmap: btree.NewG(8, func(a, b *VMA) bool { return a.Start < b.Start })}
	mm.MmapBase, mm.StackLimit = DefaultMmapBase, defaultStack
	k.InitRWSem(&mm.MmapSem, "mm->mmap_sem")
	mm.mmapData.Init(k, "mm->mmap")
	mm.pgd.Init(k, name)
	mm.pgd.Allow(ptUnlocked)
	return mm
}

// MMAlloc is mm_alloc(): an empty address space with one user, the caller.
func MMAlloc(k *sim.K, name string) *MM {
	mm := NewMM(k, name)
	mm.users = new(sim.Refcount)
	mm.users.Init(k, "mm->mm_users", 1)
	return mm
}

// MMGet is mmget(): one more user. The caller is one, or knows of one that stays.
func MMGet(k *sim.K, mm *MM) { k.RefcountInc(mm.users) }

// MMGetNotZero is mmget_not_zero(): one more user, unless there is none.
func MMGetNotZero(k *sim.K, mm *MM) bool { return k.RefcountIncNotZero(mm.users) }

// MMPut is mmput(): one user less. The last one takes the address space down.
func MMPut(k *sim.K, mm *MM) {
	if !k.RefcountDecAndTest(mm.users) {
		return
	}
	if mm.Hooks != nil {
		mm.Hooks.ClearState(k, mm)
	}
	khugepagedExit(k, mm)
	ExitMmap(k, mm)
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

// Pages is how many pages are mapped, get_mm_rss(): a count that no step orders.
func (mm *MM) Pages() uint64 { return mm.pt.pages }

func (mm *MM) vmaAt(addr uint64) (found *VMA) {
	if prev := mm.vmaBelow(addr); prev != nil && addr < prev.End {
		return prev
	}
	return nil
}

// from is what areas are compared with to find those at addr.
func (mm *MM) from(addr uint64) *VMA {
	mm.key.Start = addr
	return &mm.key
}

// vmaBelow is the last area that starts at addr or below, nil if there is none.
func (mm *MM) vmaBelow(addr uint64) (found *VMA) {
	mm.mmap.DescendLessOrEqual(mm.from(addr), func(vma *VMA) bool {
		found = vma
		return false
	})
	return found
}

// vmaAbove is the first area that starts at addr or above, nil if there is none.
func (mm *MM) vmaAbove(addr uint64) (found *VMA) {
	mm.mmap.AscendGreaterOrEqual(mm.from(addr), func(vma *VMA) bool {
		found = vma
		return false
	})
	return found
}
