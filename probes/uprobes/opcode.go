package uprobes

import (
	"trapline/pagecache"
	"trapline/sim"
	"trapline/vm"
)

// The designs from 2011 on never touch pages of files: a process that is probed gets
// a copy of the page with the breakpoint in it. Each change makes a new copy, as up to
// Linux 6.15; since then the one that is there is changed in place, and given back when it
// is as the file again, all with mmap_sem held for writing.

// writeOpcode is write_opcode(): it puts a byte into the program at vaddr, in a new
// page that takes the place of the one that is mapped there. It returns ESRCH if
// nothing is mapped there any more, and ENOMEM. The caller holds mm->mmap_sem.
func writeOpcode(k *sim.K, mm *vm.MM, vaddr uint64, opcode byte) error {
	return writeText(k, mm, vaddr, func(page *pagecache.Page, off int) { pagecache.WriteByte(k, page, off, opcode) })
}

// writeText is writeOpcode with any change of the new page, at an offset in it.
func writeText(k *sim.K, mm *vm.MM, vaddr uint64, change func(page *pagecache.Page, off int)) error {
	for {
		old, vma, err := vm.GetUserPage(k, mm, vaddr, false)
		if err != nil {
			return sim.ESRCH
		}
		page, err := pagecache.AllocUserPage(k, mm.Zone, vaddr>>pagecache.PageShift)
		if err != nil {
			pagecache.PageCacheRelease(k, old)
			return err
		}
		pagecache.CopyUserHighpage(k, page, old)
		change(page, int(vaddr&(pagecache.PageSize-1)))
		err = vm.ReplacePage(k, vma, vaddr, old, page)
		pagecache.PageCacheRelease(k, page)
		pagecache.PageCacheRelease(k, old)
		if err != sim.EAGAIN {
			return err
		}
	}
}

// isSwbpAtAddr is is_swbp_at_addr(): whether the program has a breakpoint at vaddr.
// It returns ESRCH if nothing is mapped there. The caller holds mm->mmap_sem.
func isSwbpAtAddr(k *sim.K, mm *vm.MM, vaddr uint64) (bool, error) {
	page, _, err := vm.GetUserPage(k, mm, vaddr, false)
	if err != nil {
		return false, sim.ESRCH
	}
	defer pagecache.PageCacheRelease(k, page)
	return pagecache.ReadByte(k, page, int(vaddr&(pagecache.PageSize-1))) == int3, nil
}

// setSwbp is set_swbp(): it returns EEXIST if the breakpoint is there already. The
// caller holds mm->mmap_sem.
func setSwbp(k *sim.K, mm *vm.MM, vaddr uint64) error {
	there, err := isSwbpAtAddr(k, mm, vaddr)
	switch {
	case err != nil:
		return err
	case there:
		return sim.EEXIST
	}
	return writeOpcode(k, mm, vaddr, int3)
}

// setOrigInsn is set_orig_insn(): it puts the first byte of the instruction back. It
// returns EINVAL if there is no breakpoint. The caller holds mm->mmap_sem.
func setOrigInsn(k *sim.K, mm *vm.MM, vaddr uint64, opcode byte) error {
	there, err := isSwbpAtAddr(k, mm, vaddr)
	switch {
	case err != nil:
		return err
	case !there:
		return sim.EINVAL
	}
	return writeOpcode(k, mm, vaddr, opcode)
}
