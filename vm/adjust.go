package vm

import (
	"trapline/pagecache"
	"trapline/sim"
)

// canFollow says whether the area b goes on where a ends, in every respect, so
// that they can be one: can_vma_merge_after().
func (a *VMA) canFollow(b *VMA) bool {
	return a.End == b.Start && a.Flags == b.Flags && a.Name == "" && b.Name == "" && a.Inode == b.Inode && a.Pgoff+a.pages() == b.Pgoff
}

// vmaMerge is vma_merge() for a new area: it has a neighbour, or both, cover its
// range, and returns who does, nil if none can. The caller holds mm->mmap_sem for
// writing.
func vmaMerge(k *sim.K, like VMA) *VMA {
	mm := like.MM
	prev, next := mm.vmaBelow(like.Start), mm.vmaAbove(like.Start)
	after := prev != nil && prev.canFollow(&like)
	before := next != nil && like.canFollow(next)
	switch {
	case after && before:
		vmaAdjust(k, prev, prev.Start, next.End, prev.Pgoff, next)
		return prev
	case after:
		vmaAdjust(k, prev, prev.Start, like.End, prev.Pgoff, nil)
		return prev
	case before:
		vmaAdjust(k, next, like.Start, next.End, like.Pgoff, nil)
		return next
	}
	return nil
}

// mergeAround makes one area of vma and those of its neighbours that it goes on
// from or that go on from it. The caller holds mm->mmap_sem for writing.
func mergeAround(k *sim.K, vma *VMA) {
	mm := vma.MM
	if next := mm.vmaAbove(vma.End); next != nil && vma.canFollow(next) {
		vmaAdjust(k, vma, vma.Start, next.End, vma.Pgoff, next)
	}
	if vma.Start == 0 {
		return
	}
	if prev := mm.vmaBelow(vma.Start - 1); prev != nil && prev.canFollow(vma) {
		vmaAdjust(k, prev, prev.Start, vma.End, prev.Pgoff, vma)
	}
}

// vmaAdjust is vma_adjust(): it gives an area other bounds. The area gone, if it is
// not nil, is within them and ends to be. The caller holds mm->mmap_sem for
// writing.
func vmaAdjust(k *sim.K, vma *VMA, start, end, pgoff uint64, gone *VMA) {
	mm := vma.MM
	uprobeMunmap(k, vma, vma.Start, vma.End)
	lockFile(k, vma)
	mm.mmapData.Write(k)
	vma.data.Write(k)
	if gone != nil {
		mm.mmap.Delete(gone)
		mm.totalVM -= gone.pages()
		if gone.anon { // anon_vma_clone()
			k.Touch(&mm.pgd, sim.Write)
			vma.anon = true
		}
		if gone.Inode != nil {
			pagecache.VMAUnlinkFile(k, gone.Inode.Mapping, gone)
		}
	}
	mm.mmap.Delete(vma)
	mm.totalVM -= vma.pages()
	vma.Start, vma.End, vma.Pgoff = start, end, pgoff
	mm.mmap.ReplaceOrInsert(vma)
	mm.totalVM += vma.pages()
	unlockFile(k, vma)
	_ = uprobeMmap(k, vma)
	if gone != nil {
		uprobeMunmap(k, gone, gone.Start, gone.End)
		removeVMA(k, gone)
	}
}

// splitVMA is split_vma(), with the work of vma_adjust(): it ends the area at
// addr and makes a new one for the rest, which it returns. It returns ENOMEM. The
// caller holds mm->mmap_sem for writing.
func splitVMA(k *sim.K, vma *VMA, addr uint64) (*VMA, error) {
	mm := vma.MM
	if mm.mmap.Len() >= maxMapCount {
		return nil, sim.ENOMEM
	}
	rest, err := allocVMA(k, *vma, addr, vma.End, vma.index(addr))
	if err != nil {
		return nil, err
	}
	_ = vma.getFile(k) // never denied, for vma has it too
	uprobeMunmap(k, vma, vma.Start, vma.End)
	lockFile(k, vma)
	vma.data.Write(k)
	vma.End = addr
	mm.totalVM -= rest.pages()
	insertVMA(k, rest)
	if rest.Inode != nil {
		pagecache.VMALinkFile(k, rest.Inode.Mapping, rest)
	}
	unlockFile(k, vma)
	_ = uprobeMmap(k, vma)
	_ = uprobeMmap(k, rest)
	return rest, nil
}

// splitAt makes addr a bound between areas, if one lies across it. It returns
// ENOMEM. The caller holds mm->mmap_sem for writing.
func splitAt(k *sim.K, mm *MM, addr uint64) error {
	vma := FindVMA(k, mm, addr)
	if vma == nil || vma.Start == addr {
		return nil
	}
	_, err := splitVMA(k, vma, addr)
	return err
}
