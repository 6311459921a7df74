package vm

import "trapline/sim"

// Hooks is what the memory management of later kernels calls uprobes for
// (include/linux/uprobes.h, since v3.5). A design that needs it sets [MM.Hooks]
// before the tasks start; children inherit it.
type Hooks interface {
	// Mmap is uprobe_mmap(): the area of a file has been mapped, or has got other
	// bounds. The caller holds mm->mmap_sem for writing. The callers ignore the
	// error, but for [DoMmap] and [Mmap], which give up with it as v3.5 did: a
	// design of a later kernel returns nil.
	Mmap(k *sim.K, vma *VMA) error
	// Munmap is uprobe_munmap(): what the area of a file maps from start up to end
	// is about to go. The caller holds mm->mmap_sem for writing, or is the last
	// user of the address space.
	Munmap(k *sim.K, vma *VMA, start, end uint64)
	// StartDupMmap is uprobe_start_dup_mmap(), and EndDupMmap its counterpart:
	// around all that fork() does with address spaces, with no lock held.
	StartDupMmap(k *sim.K)
	// EndDupMmap is uprobe_end_dup_mmap().
	EndDupMmap(k *sim.K)
	// DupMmap is uprobe_dup_mmap(): called before areas are copied, with the
	// mmap_sem of both address spaces held for writing.
	DupMmap(k *sim.K, oldmm, mm *MM)
	// DupVMA is the uprobe_mmap() that dup_mmap() of v3.5 called for each area of a
	// file in the child, after its page tables were copied.
	DupVMA(k *sim.K, vma *VMA) error
	// ClearState is uprobe_clear_state(): the last user of the address space is
	// about to take it down.
	ClearState(k *sim.K, mm *MM)
}

// uprobeMmap is uprobe_mmap(), for areas of files.
func uprobeMmap(k *sim.K, vma *VMA) error {
	if h := vma.MM.Hooks; h != nil && vma.Inode != nil {
		return h.Mmap(k, vma)
	}
	return nil
}

// uprobeMunmap is uprobe_munmap(), for areas of files.
func uprobeMunmap(k *sim.K, vma *VMA, start, end uint64) {
	if h := vma.MM.Hooks; h != nil && vma.Inode != nil {
		h.Munmap(k, vma, start, end)
	}
}

// EarlyMmap is for a design that is told of an area of a file when the address space
// knows it and the file does not yet.
type EarlyMmap interface {
	Hooks
	// MmapUnlinked is mmap_uprobe() of 2011. The caller holds mm->mmap_sem for
	// writing.
	MmapUnlinked(k *sim.K, vma *VMA)
}

// MovedMmap is for a design that is not to be called by mremap(2) for the area that
// pages are about to be moved to (since 2b12d06c37fd, v6.16).
type MovedMmap interface {
	Hooks
	// MmapMoved is called in place of Mmap for such an area.
	MmapMoved(k *sim.K, vma *VMA)
}

// SpecialMremap is for a design whose special mappings have something to say to
// mremap(2): vm_special_mapping->mremap.
type SpecialMremap interface {
	Hooks
	// MremapSpecial is called when the special mapping is about to be moved. The caller
	// holds mm->mmap_sem for writing, and gives up with the error.
	MremapSpecial(k *sim.K, vma *VMA) error
}

// EveryMunlock is for a design of a kernel whose __replace_page() does not ask whether
// the page that it takes out of an area locked in memory is a part of a compound page.
type EveryMunlock interface {
	Hooks
	// MunlocksEvery is never called.
	MunlocksEvery()
}

// NoHooks is what a design embeds that needs some of [Hooks] only.
type NoHooks struct{}

// Mmap does nothing.
func (NoHooks) Mmap(*sim.K, *VMA) error { return nil }

// Munmap does nothing.
func (NoHooks) Munmap(*sim.K, *VMA, uint64, uint64) {}

// StartDupMmap does nothing.
func (NoHooks) StartDupMmap(*sim.K) {}

// EndDupMmap does nothing.
func (NoHooks) EndDupMmap(*sim.K) {}

// DupMmap does nothing.
func (NoHooks) DupMmap(*sim.K, *MM, *MM) {}

// DupVMA does nothing.
func (NoHooks) DupVMA(*sim.K, *VMA) error { return nil }

// ClearState does nothing.
func (NoHooks) ClearState(*sim.K, *MM) {}
