package vm

import (
	"errors"

	"trapline/pagecache"
	"trapline/sim"
)

var (
	opHandlePte = sim.NewOp("handle_pte_fault(%s)")
	opSetPte    = sim.NewOp("set_pte_at(%s)")
)

// errRetry is VM_FAULT_RETRY: mm->mmap_sem has been dropped.
var errRetry = errors.New("fault to be retried")

// HandleMmFault handles a page fault at addr, caused by a write if write is set,
// as [DoPageFault] does, but says only [ErrSegv] or [ErrSigbus] when it fails.
func HandleMmFault(k *sim.K, mm *MM, addr uint64, write bool) error {
	var flags FaultFlags
	if write {
		flags = FaultWrite
	}
	err := DoPageFault(k, mm, addr, flags)
	var fault *Fault
	if errors.As(err, &fault) {
		return fault.Unwrap()
	}
	return err
}

// DoPageFault is do_user_addr_fault(): it handles a page fault at addr. It returns
// nil if the access is to be tried again, a [*Fault], or ENOMEM if there is no page
// to be had, or the address space has all that it may have. It takes mm->mmap_sem for reading, for
// writing where a stack grows, and sleeps.
func DoPageFault(k *sim.K, mm *MM, addr uint64, flags FaultFlags) error {
	for {
		k.DownRead(&mm.MmapSem)
		vma, err := faultingVMA(k, mm, addr, flags)
		if err == nil && vma != nil {
			err = handlePteFault(k, vma, addr, flags)
		}
		if err == errRetry {
			flags &^= FaultAllowRetry
			continue
		}
		k.UpRead(&mm.MmapSem)
		if err != nil || vma != nil {
			return signal(err, addr)
		}
		if err := growStack(k, mm, addr); err != nil {
			return err
		}
	}
}

// signal makes what filemap_nopage() returns the signal of the fault.
func signal(err error, addr uint64) error {
	if err == ErrSigbus {
		return &Fault{SIGBUS, BusAdrerr, addr}
	}
	return err
}

// faultingVMA is the area that the fault is for. It is nil without an error if a
// stack above is to grow first. The caller holds mm->mmap_sem for reading.
func faultingVMA(k *sim.K, mm *MM, addr uint64, flags FaultFlags) (*VMA, error) {
	vma := FindVMA(k, mm, addr)
	switch {
	case vma == nil && addr < TaskSize && mm.stackAbove(addr) != nil:
		return nil, nil
	case vma == nil:
		return nil, &Fault{SIGSEGV, SegvMaperr, addr}
	case !vma.Flags.allow(flags):
		return nil, &Fault{SIGSEGV, SegvAccerr, addr}
	}
	return vma, nil
}

// handlePteFault is handle_pte_fault(). The caller holds mm->mmap_sem for
// reading.
func handlePteFault(k *sim.K, vma *VMA, addr uint64, flags FaultFlags) error {
	mm, write := vma.MM, flags&FaultWrite != 0
	mm.table.populate(k)
	mm.lockedStep(k, opHandlePte, sim.Read)
	e, present := mm.walk(addr)
	if k.Tracing() {
		k.Note("%#x present %t", addr, present)
	}
	switch {
	case !present && mm.Full != nil && mm.Full():
		return sim.ENOMEM
	case !present && vma.Inode == nil:
		return doAnonymousPage(k, vma, addr)
	case !present:
		return doNoPage(k, vma, addr, flags)
	case !write || e.write():
	case vma.Flags&VMShared != 0:
		wpPageShared(k, vma, addr, e)
	default:
		// For do_wp_page(), while the page table is locked.
		pagecache.GetPage(k, e.page)
		return doWpPage(k, vma, addr, e)
	}
	return nil
}

// doAnonymousPage is do_anonymous_page(): it maps a page of zeroes, of the
// program's own at once where the kernel would share one until the first write.
// The caller holds mm->mmap_sem for reading.
func doAnonymousPage(k *sim.K, vma *VMA, addr uint64) error {
	mm := vma.MM
	page, err := pagecache.AllocUserPage(k, mm.Zone, addr>>pageShift)
	if err != nil {
		return err
	}

	mm.lockedStep(k, opSetPte, sim.Write)
	if _, present := mm.walk(addr); present { // another thread was faster
		pagecache.PutPage(k, page)
		return nil
	}
	setPte(k, mm, addr, pte{page, vma.bits(true)})
	return nil
}

// bits are those of an entry for the area.
func (vma *VMA) bits(anon bool) pteBits {
	bits := vma.Flags.protection()
	if anon {
		bits |= pteAnon
	}
	if vma.Flags&VMWrite != 0 && (anon || vma.Flags&VMShared != 0) {
		bits |= pteWrite
	}
	return bits
}

// setPte sets an entry that is not present, within a step on the page table. It
// takes over the caller's reference to the page.
func setPte(k *sim.K, mm *MM, addr uint64, e pte) {
	mm.pt.set(addr>>pageShift, e)
	pagecache.PageAddRmap(k, e.page)
	if k.Tracing() {
		k.Note("%#x -> %s", addr&^(pageSize-1), e.page)
	}
}

// doNoPage is do_no_page(): it maps the page of the file, or for a write to a
// private area a copy of it. The caller holds mm->mmap_sem for reading.
func doNoPage(k *sim.K, vma *VMA, addr uint64, flags FaultFlags) error {
	mm, mapping := vma.MM, vma.Inode.Mapping
	for {
		sequence := mapping.TruncateCount(k)
		page, err := filemapFault(k, vma, addr, flags)
		if err != nil {
			return err
		}
		anon := flags&FaultWrite != 0 && vma.Flags&VMShared == 0
		if anon {
			private, err := pagecache.AllocUserPage(k, mm.Zone, addr>>pageShift)
			if err != nil {
				pagecache.PageCacheRelease(k, page)
				return err
			}
			pagecache.CopyUserHighpage(k, private, page)
			pagecache.PageCacheRelease(k, page)
			page = private
		}

		// From here on the page table is locked.
		mm.lockedStep(k, opSetPte, sim.Write)
		truncated := sequence != mapping.LoadTruncateCount(k)
		if _, present := mm.walk(addr); !truncated && !present {
			setPte(k, mm, addr, pte{page, vma.bits(anon)})
			return nil
		}
		// A truncation may have unmapped the page before we have mapped it, or
		// another thread was faster.
		pagecache.PageCacheRelease(k, page)
		if !truncated {
			return nil
		}
	}
}

// filemapFault brings the page of the file into memory. With FaultAllowRetry it
// does not keep mm->mmap_sem while the page is being read, and returns errRetry.
func filemapFault(k *sim.K, vma *VMA, addr uint64, flags FaultFlags) (*pagecache.Page, error) {
	index := vma.index(addr)
	if flags&FaultAllowRetry == 0 {
		return pagecache.FilemapNopage(k, vma.Inode, index)
	}
	mm, inode := vma.MM, vma.Inode
	page := pagecache.FilemapLookup(k, inode, index)
	if page == nil {
		return pagecache.FilemapNopage(k, inode, index)
	}
	if pagecache.PageUptodate(k, page) {
		return page, nil
	}
	// The area may be gone when mmap_sem is dropped, and with it the file; the
	// reference to the page is enough.
	k.UpRead(&mm.MmapSem)
	pagecache.WaitOnPageLocked(k, page)
	pagecache.PageCacheRelease(k, page)
	return nil, errRetry
}
