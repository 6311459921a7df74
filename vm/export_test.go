package vm

import (
	"trapline/pagecache"
	"trapline/sim"
)

// MunmapWithoutFlush is what zap_page_range() must not be: nobody tells the
// processors, and pages go at once.
func MunmapWithoutFlush(k *sim.K, mm *MM, addr, length uint64) {
	k.DownWrite(&mm.MmapSem)
	mm.lockedStep(k, opZapPageRange, sim.Write)
	mm.pt.each(addr>>pageShift, (addr+length)>>pageShift, func(vpn uint64, e pte) {
		mm.pt.set(vpn, pte{})
		pagecache.PageRemoveRmap(k, e.page)
	})
	k.UpWrite(&mm.MmapSem)
}

// WrprotectWithoutFlush is a mprotect() that nobody tells the processors of.
func WrprotectWithoutFlush(k *sim.K, mm *MM, addr uint64) {
	k.DownWrite(&mm.MmapSem)
	vma := FindVMA(k, mm, addr)
	vma.data.Write(k)
	vma.Flags &^= VMWrite
	mm.lockedStep(k, opChangeProtection, sim.Write)
	e, _ := mm.walk(addr)
	e.bits &^= pteWrite
	mm.pt.set(addr>>pageShift, e)
	k.UpWrite(&mm.MmapSem)
}

// Break changes the page table of mm at addr, behind everybody's back: the planted
// bugs that the checks must find.
func Break(mm *MM, addr uint64, how string) {
	vpn := addr >> pageShift
	e := mm.pt.get(vpn)
	switch how {
	case "write":
		e.bits |= pteWrite
	case "drop":
		e = pte{}
	case "move":
		mm.pt.set(vpn+100, e)
		e = pte{}
	case "total":
		mm.totalVM++
	case "overlap":
		mm.vmaAt(addr).End += pageSize
	case "split":
		vma := mm.vmaAt(addr)
		rest := *vma
		rest.Start, rest.Pgoff = addr, vma.index(addr)
		vma.End = addr
		mm.mmap.ReplaceOrInsert(&rest)
	}
	mm.pt.set(vpn, e)
}
