package vm

import (
	"github.com/google/btree"

	"trapline/pagecache"
)

// pte is an entry of a page table, present if it has a page, to which it then
// owns a reference.
type pte struct {
	page *pagecache.Page
	bits pteBits
}

// pteBits are the bits of an entry.
type pteBits uint8

const (
	pteUser  pteBits = 1 << iota // the program may use it at all
	pteWrite                     // and write to it
	pteExec                      // and execute it; the opposite of the bit NX
	pteAnon                      // the page belongs to no file
)

func (e pte) present() bool { return e.page != nil }
func (e pte) write() bool   { return e.bits&pteWrite != 0 }
func (e pte) anon() bool    { return e.bits&pteAnon != 0 }

// protection is vm_page_prot, without the right to write. What may be written or
// executed can be read too.
func (f VMFlags) protection() (bits pteBits) {
	if f&vmAccess != 0 {
		bits = pteUser
	}
	if f&VMExec != 0 {
		bits |= pteExec
	}
	return bits
}

// A page table is kept in groups of entries. A group is as large as is good both
// for programs and for the small worlds of a search.
const (
	groupBits = 6
	groupSize = 1 << groupBits
)

// group are the entries of groupSize pages in a row.
type group struct {
	number  uint64 // of the first page, divided by groupSize
	present int
	ptes    [groupSize]pte
}

// pageTable finds the entry of a page. A group that has no entries is not there.
type pageTable struct {
	groups *btree.BTreeG[*group]
	recent [8]*group // those used last, by the lowest bits of their numbers
	pages  uint64    // entries that are present
}

// group is the group of a page, nil if it has no entries.
func (t *pageTable) group(vpn uint64) *group {
	n := vpn >> groupBits
	slot := &t.recent[n%uint64(len(t.recent))]
	if g := *slot; g != nil && g.number == n {
		return g
	}
	if t.groups == nil {
		return nil
	}
	g, _ := t.groups.Get(&group{number: n})
	if g != nil {
		*slot = g
	}
	return g
}

// get is the entry of a page, which is not present if there is none.
func (t *pageTable) get(vpn uint64) pte {
	if g := t.group(vpn); g != nil {
		return g.ptes[vpn%groupSize]
	}
	return pte{}
}

// set changes the entry of a page; an entry without a page clears it.
func (t *pageTable) set(vpn uint64, e pte) {
	g := t.group(vpn)
	if g == nil {
		if !e.present() {
			return
		}
		if t.groups == nil {
			t.groups = btree.NewG(16, func(a, b *group) bool { return a.number < b.number })
		}
		g = &group{number: vpn >> groupBits}
		t.groups.ReplaceOrInsert(g)
	}
	old := &g.ptes[vpn%groupSize]
	switch {
	case e.present() && !old.present():
		g.present++
		t.pages++
	case !e.present() && old.present():
		g.present--
		t.pages--
	}
	*old = e
	if g.present == 0 {
		t.groups.Delete(g)
		t.recent[g.number%uint64(len(t.recent))] = nil
	}
}

// each calls f for the present entries of the pages from start up to end, in
// order. f may change the entry that it is called for.
func (t *pageTable) each(start, end uint64, f func(vpn uint64, e pte)) {
	if t.groups == nil || start >= end {
		return
	}
	var found []*group
	t.groups.AscendGreaterOrEqual(&group{number: start >> groupBits}, func(g *group) bool {
		if g.number > (end-1)>>groupBits {
			return false
		}
		found = append(found, g)
		return true
	})
	for _, g := range found {
		first := g.number << groupBits
		for vpn := max(start, first); vpn < min(end, first+groupSize); vpn++ {
			if e := g.ptes[vpn%groupSize]; e.present() {
				f(vpn, e)
			}
		}
	}
}

// walk is what the hardware does with an address: it returns the entry, or false
// if none is present.
func (mm *MM) walk(addr uint64) (pte, bool) {
	e := mm.pt.get(addr >> pageShift)
	return e, e.present()
}
