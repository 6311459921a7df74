package vm

import "trapline/sim"

// MadviseDontneed is madvise(2) with MADV_DONTNEED: what was mapped from addr on
// for length bytes is forgotten; private memory is zeroes again, or what the file
// has. It returns EINVAL for an address that is not that of a page, and ENOMEM if
// not all of it is mapped, with the rest done. It takes mm->mmap_sem for reading.
func MadviseDontneed(k *sim.K, mm *MM, addr, length uint64) error {
	length = pageAlign(length)
	if !validRange(addr, length) {
		return sim.EINVAL
	}
	k.DownRead(&mm.MmapSem)
	defer k.UpRead(&mm.MmapSem)
	end, at := addr+length, addr
	var err error
	for _, vma := range mm.overlapping(k, addr, end) {
		if vma.Start > at {
			err = sim.ENOMEM
		}
		zapPageRange(k, mm, max(addr, vma.Start), min(end, vma.End))
		at = vma.End
	}
	if at < end {
		err = sim.ENOMEM
	}
	return err
}
