package vm

import "trapline/sim"

// SetBrk says where the heap begins: what the loader of a program does. It is to be
// called before the program runs.
func SetBrk(mm *MM, start uint64) { mm.StartBrk, mm.brk = start, start }

// Brk is brk(2): it moves the end of the heap to addr, and returns where it is
// then, which is where it was if that cannot be. It takes mm->mmap_sem for
// writing.
func Brk(k *sim.K, mm *MM, addr uint64) uint64 {
	k.DownWrite(&mm.MmapSem)
	defer k.UpWrite(&mm.MmapSem)
	mm.mmapData.Read(k)
	if addr < mm.StartBrk || addr > TaskSize {
		return mm.brk
	}
	from, to := pageAlign(mm.brk), pageAlign(addr)
	switch {
	case to < from:
		if doMunmap(k, mm, to, from) != nil {
			return mm.brk
		}
	case to > from:
		if !mm.isFree(from, to+pageSize) || doBrk(k, mm, from, to) != nil {
			return mm.brk
		}
	}
	mm.mmapData.Write(k)
	mm.brk = addr
	return addr
}

// doBrk is do_brk_flags(): it maps zeroes from start up to end, where nothing is
// mapped. The caller holds mm->mmap_sem for writing.
func doBrk(k *sim.K, mm *MM, start, end uint64) error {
	if mm.AddressLimit != 0 && mm.totalVM<<pageShift+end-start > mm.AddressLimit || mm.mmap.Len() > maxMapCount {
		return sim.ENOMEM
	}
	_, err := mmapRegion(k, VMA{MM: mm, Start: start, End: end, Pgoff: start >> pageShift, Flags: VMRead | VMWrite | vmMay})
	return err
}
