package vm

import (
	"bytes"

	"trapline/pagecache"
	"trapline/sim"
)

var (
	opCopyFromUser = sim.NewOp("copy_from_user(%s)")
	opCopyToUser   = sim.NewOp("copy_to_user(%s)")
)

// CopyFromUser is copy_from_user(): it fills buf with what the program has at
// addr, page by page. It returns EFAULT if the program cannot read all of it; what
// lies before the place is in buf then. It takes mm->mmap_sem and sleeps.
func CopyFromUser(k *sim.K, mm *MM, addr uint64, buf []byte) error {
	return userPages(k, mm, addr, len(buf), false, func(page *pagecache.Page, off, from, to int) {
		pagecache.LoadBytes(k, page, off, buf[from:to])
	})
}

// CopyToUser is copy_to_user(): it writes buf to where the program has addr, page
// by page. It returns EFAULT if the program cannot write to all of it. It takes
// mm->mmap_sem and sleeps.
func CopyToUser(k *sim.K, mm *MM, addr uint64, buf []byte) error {
	return userPages(k, mm, addr, len(buf), true, func(page *pagecache.Page, off, from, to int) {
		pagecache.StoreBytes(k, page, off, buf[from:to])
	})
}

// StrncpyFromUser is strncpy_from_user(): the bytes of the program at addr up to a
// zero, which is left out, or count of them if there is none before. It returns
// EFAULT.
func StrncpyFromUser(k *sim.K, mm *MM, addr uint64, count int) ([]byte, error) {
	var s []byte
	for len(s) < count {
		n := min(count-len(s), pageSize-int((addr+uint64(len(s)))&(pageSize-1)))
		buf := make([]byte, n)
		if err := CopyFromUser(k, mm, addr+uint64(len(s)), buf); err != nil {
			return nil, err
		}
		if i := bytes.IndexByte(buf, 0); i >= 0 {
			return append(s, buf[:i]...), nil
		}
		s = append(s, buf...)
	}
	return s, nil
}

// userPages calls use for the part of each page in a range, within the step that
// has found the page mapped. It faults pages in.
func userPages(k *sim.K, mm *MM, addr uint64, n int, write bool, use func(page *pagecache.Page, off, from, to int)) error {
	if addr+uint64(n) < addr || addr+uint64(n) > TaskSize {
		return sim.EFAULT
	}
	op, flags, need := opCopyFromUser, FaultAllowRetry, pteUser
	if write {
		op, flags, need = opCopyToUser, FaultAllowRetry|FaultWrite, pteUser|pteWrite
	}
	for from := 0; from < n; {
		at := addr + uint64(from)
		off := int(at & (pageSize - 1))
		to := min(n, from+pageSize-off)
		k.Step(op, &mm.pgd, sim.Read)
		e, _ := mm.walk(at)
		if !e.present() || e.bits&need != need {
			if DoPageFault(k, mm, at, flags) != nil {
				return sim.EFAULT
			}
			continue
		}
		if write && !e.anon() {
			pagecache.DirtyPage(k, e.page)
		}
		use(e.page, off, from, to)
		from = to
	}
	return nil
}

// faultIn is fault_in_user_page() of mm_populate(): the page at addr is mapped, and
// the program's own if it may write to it.
func faultIn(k *sim.K, mm *MM, addr uint64) error {
	k.DownRead(&mm.MmapSem)
	flags := FaultFlags(0)
	vma := FindVMA(k, mm, addr)
	if vma != nil && vma.Flags&(VMWrite|VMShared) == VMWrite {
		flags = FaultWrite
	}
	k.UpRead(&mm.MmapSem)
	if vma == nil {
		return sim.ENOMEM
	}
	return DoPageFault(k, mm, addr, flags)
}
