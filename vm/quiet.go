package vm

import (
	"fmt"
	"slices"

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

// What the checks of this file find.
var (
	// BadPageMap is a page table that does not fit its address space, or the pages
	// that it maps.
	BadPageMap = sim.Kind{Name: "bad-page-map", Class: "BUG: Bad page map"}
	// BadMM is an address space whose areas are in disorder.
	BadMM = sim.Kind{Name: "bad-mm", Class: "BUG: Bad mm_struct"}
)

// CheckInvariants returns what is wrong with address spaces between any two steps:
// areas that overlap, are empty or are not counted; an entry of a page table for a
// page that is free, or that has fewer references than entries; a page that two
// entries map and one of them lets be written, though it belongs to no file. The
// address spaces must be all that map a page of one of them. It returns nil if all
// is well. It is not a step.
func CheckInvariants(mms ...*MM) *sim.Violation { return check(mms, (*MM).checkPte) }

// CheckQuiet is [CheckInvariants] for when no task uses the address spaces: also an
// entry must lie in an area, allow no more than that does, and be for the page of
// the file that the area maps there; a page of no file must have no reference but
// those of entries; the file must know of the area; areas that can be one must be
// one; a processor must have nothing in its TLB that is not in the page table.
func CheckQuiet(mms ...*MM) *sim.Violation {
	for _, mm := range mms {
		for _, c := range mm.cpus {
			for _, e := range c.entries {
				if now := mm.pt.get(e.vpn); now.page != e.pte.page || now.bits&e.pte.bits != e.pte.bits {
					return &sim.Violation{Kind: StaleTLB, Subject: fmt.Sprintf("%#x in the TLB of %s", e.vpn<<pageShift, c.tlb.Name())}
				}
			}
		}
		if v := mm.checkQuietAreas(); v != nil {
			return v
		}
	}
	return check(mms, func(mm *MM, vpn uint64, e pte, entries int) string {
		if bad := mm.checkPte(vpn, e, entries); bad != "" {
			return bad
		}
		return mm.checkQuietPte(vpn, e)
	})
}

// check holds all areas, and all entries with their number for the same page,
// against the rules.
func check(mms []*MM, checkPte func(mm *MM, vpn uint64, e pte, entries int) string) *sim.Violation {
	entries := map[*pagecache.Page]int{}
	for _, mm := range mms {
		mm.pt.each(0, ^uint64(0), func(_ uint64, e pte) { entries[e.page]++ })
	}
	for _, mm := range mms {
		if bad := mm.checkAreas(); bad != "" {
			return &sim.Violation{Kind: BadMM, Subject: mm.Name + ": " + bad}
		}
		var v *sim.Violation
		mm.pt.each(0, ^uint64(0), func(vpn uint64, e pte) {
			if bad := checkPte(mm, vpn, e, entries[e.page]); bad != "" && v == nil {
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

// checkAreas says what is wrong with the areas at any time, "" if nothing is.
func (mm *MM) checkAreas() (bad string) {
	end, total := uint64(0), uint64(0)
	mm.mmap.Ascend(func(vma *VMA) bool {
		switch {
		case vma.MM != mm:
			bad = fmt.Sprintf("the area at %#x is of another address space", vma.Start)
		case !validRange(vma.Start, vma.End-vma.Start):
			bad = fmt.Sprintf("an area from %#x to %#x", vma.Start, vma.End)
		case vma.Start < end:
			bad = fmt.Sprintf("the area at %#x begins before %#x, where another ends", vma.Start, end)
		case !vma.life.Alive():
			bad = fmt.Sprintf("the area at %#x is free", vma.Start)
		}
		end, total = vma.End, total+vma.pages()
		return bad == ""
	})
	if bad == "" && total != mm.totalVM {
		bad = fmt.Sprintf("the areas have %d pages, and %d are counted", total, mm.totalVM)
	}
	return bad
}

// checkQuietAreas holds each area against its neighbour and its file.
func (mm *MM) checkQuietAreas() (v *sim.Violation) {
	var prev *VMA
	mm.mmap.Ascend(func(vma *VMA) bool {
		bad := ""
		if prev != nil && prev.canFollow(vma) {
			bad = "goes on from the one before"
		}
		if vma.Inode != nil && !slices.Contains(vma.Inode.Mapping.PeekMappers(), pagecache.Mapper(vma)) {
			bad = "is unknown to its file"
		}
		if bad != "" {
			v = &sim.Violation{Kind: BadMM, Subject: fmt.Sprintf("%s: the area at %#x %s", mm.Name, vma.Start, bad)}
		}
		prev = vma
		return v == nil
	})
	return v
}

// checkPte says what is wrong with an entry at any time, "" if nothing is. There
// are so many entries for its page.
func (mm *MM) checkPte(_ uint64, e pte, entries int) string {
	refs, alive := e.page.PeekRefs()
	switch {
	case !alive:
		return "is free"
	case e.page.PeekMapcount() != entries:
		return fmt.Sprintf("has %d page table entries and counts %d", entries, e.page.PeekMapcount())
	case refs < entries:
		return fmt.Sprintf("has %d references for %d entries", refs, entries)
	case e.anon() && e.write() && entries > 1:
		return fmt.Sprintf("has %d entries, and this one lets it be written", entries)
	}
	return ""
}

// checkQuietPte says what else is wrong with an entry when all is quiet.
func (mm *MM) checkQuietPte(vpn uint64, e pte) string {
	vma := mm.vmaAt(vpn << pageShift)
	if vma == nil {
		return "is mapped where no area is"
	}
	if allowed := vma.bits(e.anon()); e.bits&^allowed != 0 {
		return fmt.Sprintf("is mapped with %#x, and the area allows %#x", e.bits, allowed)
	}
	if e.anon() {
		if refs, _ := e.page.PeekRefs(); refs != e.page.PeekMapcount() {
			return fmt.Sprintf("has %d references, and %d entries account for %d", refs, e.page.PeekMapcount(), e.page.PeekMapcount())
		}
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
