package vm

import (
	"fmt"

	"trapline/pagecache"
	"trapline/sim"
)

// Peek is the byte that a program would read at addr, if a page is mapped there.
// It is for the final check of a scenario, and not a step.
func Peek(mm *MM, addr uint64) (b byte, mapped bool) {
	e, present := mm.walk(addr)
	if !present {
		return 0, false
	}
	return e.page.PeekByte(int(addr & (pageSize - 1))), true
}

// BadPageMap is a page table that does not fit its address space, or the pages
// that it maps.
var BadPageMap = sim.Kind{Name: "bad-page-map", Class: "BUG: Bad page map"}

// CheckQuiet returns what is wrong with the page tables of all address spaces
// when no task uses them: an entry outside of the areas, or for another page
// than that of the file; a page that counts more or fewer entries than there
// are. It returns nil if all is well. It is not a step.
func CheckQuiet(mms ...*MM) *sim.Violation {
	for _, mm := range mms {
		var v *sim.Violation
		mm.pt.each(0, ^uint64(0), func(vpn uint64, e pte) {
			if bad := mm.checkPte(vpn, e, mms); bad != "" && v == nil {
				subject := fmt.Sprintf("%s at %#x: %s %s", mm.Name, vpn<<pageShift, e.page, bad)
				v = &sim.Violation{Kind: BadPageMap, Subject: subject}
			}
		})
		if v != nil {
			return v
		}
	}
	return nil
}

// checkPte says what is wrong with an entry, "" if nothing is.
func (mm *MM) checkPte(vpn uint64, e pte, mms []*MM) string {
	vma := mm.vmaAt(vpn << pageShift)
	if vma == nil {
		return "is mapped where no area is"
	}
	if n, m := entries(mms, e.page), e.page.PeekMapcount(); n != m {
		return fmt.Sprintf("has %d page table entries and counts %d", n, m)
	}
	if e.anon() {
		return ""
	}
	switch mapping := e.page.Mapping.Peek(); {
	case mapping == nil:
		return "is mapped, but gone from the file"
	case vma.Inode == nil || mapping != vma.Inode.Mapping || e.page.Index != vma.index(vpn<<pageShift):
		return "is mapped in the place of another page"
	}
	return ""
}

// entries counts the page table entries for a page.
func entries(mms []*MM, page *pagecache.Page) (n int) {
	for _, mm := range mms {
		mm.pt.each(0, ^uint64(0), func(_ uint64, e pte) {
			if e.page == page {
				n++
			}
		})
	}
	return n
}
