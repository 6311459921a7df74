package uprobes

import (
	"trapline/sim"
	"trapline/vm"
)

// mapInfo is struct map_info: where a process maps the place of an uprobe, with a
// reference to its address space. The area is not remembered: it may be gone when the
// lock is dropped.
type mapInfo struct {
	mm    *vm.MM
	vaddr uint64
}

// buildMapInfo is build_map_info(): it walks over the areas that map the file. The
// memory for the list is left out.
func buildMapInfo(k *sim.K, u *countedUprobe) []mapInfo {
	mapping := u.inode.Mapping
	k.SpinLock(&mapping.IMmapLock)
	defer k.SpinUnlock(&mapping.IMmapLock)
	var list []mapInfo
	for _, vma := range vm.Mappings(k, mapping) {
		vaddr, mapped := u.vaddrIn(k, vma)
		if mapped && vm.MMGetNotZero(k, vma.MM) {
			list = append(list, mapInfo{vma.MM, vaddr})
		}
	}
	return list
}

// stillMapped is what register_for_each_vma() asks under mmap_sem: whether the process
// still maps the place of the uprobe there.
func (u *countedUprobe) stillMapped(k *sim.K, info mapInfo) bool {
	vma := vm.FindVMA(k, info.mm, info.vaddr)
	if vma == nil || vma.Inode != u.inode {
		return false
	}
	vaddr, mapped := u.vaddrIn(k, vma)
	return mapped && vaddr == info.vaddr
}

// registerForEachVMA is register_for_each_vma(): it calls f for each process that maps
// the place of the uprobe, with its mmap_sem held, for writing if write is set. It
// stops with the first error.
func registerForEachVMA(k *sim.K, u *countedUprobe, write bool, f func(mm *vm.MM, vaddr uint64) error) error {
	var err error
	for _, info := range buildMapInfo(k, u) {
		if err == nil {
			err = u.inMM(k, info, write, f)
		}
		vm.MMPut(k, info.mm)
	}
	return err
}

// inMM calls f for one process, if it still maps the place.
func (u *countedUprobe) inMM(k *sim.K, info mapInfo, write bool, f func(mm *vm.MM, vaddr uint64) error) error {
	if write {
		k.DownWrite(&info.mm.MmapSem)
		defer k.UpWrite(&info.mm.MmapSem)
	} else {
		k.DownRead(&info.mm.MmapSem)
		defer k.UpRead(&info.mm.MmapSem)
	}
	if !u.stillMapped(k, info) {
		return nil
	}
	return f(info.mm, info.vaddr)
}

var _ = sim.Plumbing("in_mm", "still_mapped", "register_for_each_vma", "build_map_info")

// findActiveUprobe is find_active_uprobe() since v3.6: the uprobe that a task has
// trapped for, with a reference. If there is none, it says whether the breakpoint is
// still in the text.
func findActiveUprobe(k *sim.K, mm *vm.MM, addr uint64, find func(k *sim.K, vma *vm.VMA) *countedUprobe) (u *countedUprobe, swbp bool) {
	k.DownRead(&mm.MmapSem)
	defer k.UpRead(&mm.MmapSem)
	vma := vm.FindVMA(k, mm, addr)
	if vma == nil {
		return nil, false
	}
	if u = find(k, vma); u == nil {
		swbp, _ = isSwbpAtAddr(k, mm, addr)
	}
	return u, swbp
}
