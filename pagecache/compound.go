package pagecache

import "trapline/sim"

// MakeCompound has the pages of a file from index on, n of them, be one compound page, as
// a file system with huge pages allocates them. They must be in memory. What they are then
// never changes. It is for the setup.
func MakeCompound(k *sim.K, inode *Inode, index, n uint64) {
	for i := range n {
		page := FindGetPage(k, inode.Mapping, index+i)
		page.compound, page.tail = true, i > 0
		PageCacheRelease(k, page)
	}
}

// PageCompound is PageCompound(): whether the page is a part of a compound page.
func PageCompound(p *Page) bool { return p.compound }

// PageTail is PageTail(): whether it is another part of one than the first.
func PageTail(p *Page) bool { return p.tail }
