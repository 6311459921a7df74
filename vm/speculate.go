package vm

import (
	"trapline/pagecache"
	"trapline/sim"
)

// SpeculateVMA is vma_lookup() without mm->mmap_sem, for a reader of RCU: which place of
// which file is mapped at addr, nil if none is. It is good for nothing if
// [sim.K.MmapLockSpeculateRetry] says so of seq, or ok is false.
func SpeculateVMA(k *sim.K, mm *MM, addr uint64) (inode *pagecache.Inode, offset int64, seq int, ok bool) {
	if seq, ok = k.MmapLockSpeculateTryBegin(&mm.MmapSem); !ok {
		return nil, 0, 0, false
	}
	vma := mm.vmaAt(addr)
	if vma == nil || vma.Inode == nil {
		return nil, 0, seq, true
	}
	return vma.Inode, int64(addr-vma.Start) + int64(vma.Pgoff)<<pageShift, seq, true
}
