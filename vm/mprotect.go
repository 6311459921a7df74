package vm

import "trapline/sim"

var opChangeProtection = sim.NewOp("change_protection(%s)")

// Mprotect is mprotect(2): the program may use the pages from addr on as prot says.
// It returns EINVAL for an address that is not that of a page, ENOMEM if something
// in the range is not mapped, with what lies before it changed, and EACCES if the
// file does not allow it. It takes mm->mmap_sem for writing.
func Mprotect(k *sim.K, mm *MM, addr, length uint64, prot Prot) error {
	if addr&(pageSize-1) != 0 {
		return sim.EINVAL
	}
	if length == 0 {
		return nil
	}
	length = pageAlign(length)
	if addr+length <= addr {
		return sim.ENOMEM
	}
	k.DownWrite(&mm.MmapSem)
	defer k.UpWrite(&mm.MmapSem)
	for at, end := addr, addr+length; at < end; {
		vma := FindVMA(k, mm, at)
		if vma == nil {
			return sim.ENOMEM
		}
		stop := min(end, vma.End)
		if err := mprotectFixup(k, vma, at, stop, prot); err != nil {
			return err
		}
		at = stop
	}
	return nil
}

// mprotectFixup is mprotect_fixup() for the part of an area from start up to end.
// The caller holds mm->mmap_sem for writing.
func mprotectFixup(k *sim.K, vma *VMA, start, end uint64, prot Prot) error {
	mm := vma.MM
	flags := vma.Flags&^vmAccess | prot.vmFlags()
	if flags == vma.Flags {
		return nil
	}
	if flags&vmAccess&^(flags>>mayShift) != 0 {
		return sim.EACCES
	}
	for _, edge := range [...]uint64{start, end} {
		if err := splitAt(k, mm, edge); err != nil {
			return err
		}
	}
	vma = FindVMA(k, mm, start)
	// Nobody who looks at the bounds under i_mmap_lock looks at the flags: those are for
	// holders of mm->mmap_sem, whose steps order this.
	vma.Flags = flags
	changeProtection(k, vma)
	mergeAround(k, vma)
	return nil
}

// changeProtection is change_protection(): it takes from the entries of an area
// what its flags do not allow any more, and gives them what they do, but for the
// right to write, which a fault gives. The caller holds mm->mmap_sem for writing.
func changeProtection(k *sim.K, vma *VMA) {
	mm := vma.MM
	mm.lockedStep(k, opChangeProtection, sim.Write)
	g := mm.gather(vma.Start>>pageShift, vma.End>>pageShift)
	mm.pt.each(g.start, g.end, func(vpn uint64, e pte) {
		e.bits = vma.Flags.protection() | e.bits&(pteAnon|pteWrite)
		if vma.Flags&VMWrite == 0 {
			e.bits &^= pteWrite
		}
		mm.pt.set(vpn, e)
	})
	g.finish(k)
}
