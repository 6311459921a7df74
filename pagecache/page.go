package pagecache

import (
	"bytes"
	"fmt"

	"trapline/sim"
)

// The size of a page, in bytes.
const (
	PageShift = 12
	PageSize  = 1 << PageShift
)

// Page is struct page: a page of memory, of a file or anonymous.
type Page struct {
	// Index is the place of the page in its file, in pages. It never changes.
	Index uint64
	// Mapping is page->mapping, the file it is cached for; nil before it is
	// added to the cache and after it was removed. Protected by the page lock.
	Mapping sim.Cell[*Mapping]

	life sim.Life
	name string

	lock   sim.Object // PG_locked
	locked bool

	flags                   sim.Object // the other bits of page->flags
	uptodate, failed, dirty bool
	writeback, readahead    bool

	place sim.Object // whether the page is in its file

	count    sim.Object
	refs     int
	mapcount int // also ordered by count

	content sim.Object
	data    []byte
	shared  bool   // data is not to be changed
	fixed   bool   // data is not to move
	filler  *sim.K // who ends a read of the page, nil if nobody does
	watcher Watcher
	// recycled says that data may be used before it was read; see [Inode.Recycled].
	recycled bool

	compound, tail bool // see MakeCompound

	home *Mapping // that it was allocated for, nil if it is anonymous
	lru           // of a page that was taken from a zone
}

// BadPageState is a page found in a state that it must not be in, when it is
// freed or when everything is quiet.
var BadPageState = sim.Kind{Name: "bad-page-state", Class: "BUG: Bad page state"}

var (
	opPageCacheGet     = sim.NewOp("page_cache_get(%s)")
	opPageCacheRelease = sim.NewOp("page_cache_release(%s)")
	opPageMapped       = sim.NewOp("page_mapped(%s)")
)

var _ = sim.Plumbing("page_cache_get", "get_page", "page_cache_release", "page_mapped", "page_remove_rmap", "put_page")

// PageCacheAlloc is page_cache_alloc_cold(): a new page for a place in a file,
// with one reference, unlocked and not up to date. It is not in the cache yet.
func PageCacheAlloc(k *sim.K, mapping *Mapping, index uint64) *Page {
	p := allocPage(k, fmt.Sprintf("%s:%d", mapping.Host.Name, index), index)
	p.home = mapping
	if mapping.Host.Recycled {
		p.recycled, p.data, p.shared = true, leftovers[:], true
	}
	return p
}

// leftovers is what a page holds that nobody has cleared.
var leftovers = [PageSize]byte(bytes.Repeat([]byte{0x5a}, PageSize))

// AllocAnonPage is alloc_page_vma(): a new page that belongs to no file, with
// one reference. Its content comes from [CopyUserHighpage].
func AllocAnonPage(k *sim.K, index uint64) *Page {
	return allocPage(k, fmt.Sprintf("anon:%d", index), index)
}

// allocPage takes a page from the page allocator. Fresh pages are known to
// nobody, so this is not a step.
func allocPage(k *sim.K, name string, index uint64) *Page {
	p := &Page{Index: index, name: name, refs: 1, data: zeroes[:], shared: true}
	k.Born(&p.life, "page "+name)
	p.count.Init(k, name)
	for _, o := range [...]*sim.Object{&p.lock, &p.flags, &p.content, &p.place} {
		o.Init(k, name)
		o.In(&p.life)
	}
	p.Mapping.Init(k, "page->mapping")
	p.Mapping.In(&p.life)
	p.lock.Allow(unlocked)
	p.flags.Allow(notWriteback)
	return p
}

// String is the name of the page: the file and the index.
func (p *Page) String() string { return p.name }

// PageCacheGet is page_cache_get(): it takes another reference.
func PageCacheGet(k *sim.K, p *Page) {
	k.Step(opPageCacheGet, &p.count, sim.Add)
	p.life.MustBeAlive(k, p.name, sim.Write)
	p.refs++
}

// GetPage is PageCacheGet as a part of the step being taken, such as one on a
// page table that keeps the page from going away.
func GetPage(k *sim.K, p *Page) {
	k.Touch(&p.count, sim.Add)
	p.life.MustBeAlive(k, p.name, sim.Write)
	p.refs++
}

// PageCacheRelease is page_cache_release(): it drops a reference, and frees the
// page with the last one.
func PageCacheRelease(k *sim.K, p *Page) {
	k.Step(opPageCacheRelease, &p.count, sim.Add)
	p.life.MustBeAlive(k, p.name, sim.Write)
	putPage(k, p)
}

// putPage drops a reference within a step on the count. Steps that drop one
// commute, whichever of them turns out to be the last; that is why the count does
// not lie inside the life of the page, which the last one ends.
func putPage(k *sim.K, p *Page) {
	p.refs--
	if p.refs > 0 {
		return
	}
	// What free_pages_check() looks at.
	switch {
	case p.refs < 0:
		k.Fail(&sim.Violation{Kind: BadPageState, Subject: p.name + " has a negative reference count"})
	case p.locked:
		k.Fail(&sim.Violation{Kind: BadPageState, Subject: p.name + " freed while locked"})
	case p.mapcount != 0:
		k.Fail(&sim.Violation{Kind: BadPageState, Subject: p.name + " freed while mapped"})
	case p.writeback:
		k.Fail(&sim.Violation{Kind: BadPageState, Subject: p.name + " freed while being written back"})
	case p.Mapping.Peek() != nil:
		k.Fail(&sim.Violation{Kind: BadPageState, Subject: p.name + " freed while in the page cache"})
	}
	k.AsLast(&p.count, func() {
		p.freeToZone(k)
		k.Release(&p.life)
	})
	p.data, p.watcher = nil, nil // the machine remembers the page, and need not its content
}

// PageAddRmap is page_add_file_rmap() or page_add_anon_rmap(): a page table
// entry is set to the page, and takes over the caller's reference. It is part
// of the step that sets the entry.
func PageAddRmap(k *sim.K, p *Page) {
	k.Touch(&p.count, sim.Add)
	p.mapcount++
}

// PageRemoveRmap is page_remove_rmap() with the release of the page that always
// follows: a page table entry is cleared. It is part of the step that clears
// the entry.
func PageRemoveRmap(k *sim.K, p *Page) {
	k.Touch(&p.count, sim.Add)
	p.mapcount--
	putPage(k, p)
}

// PageMapped is page_mapped(): whether any page table maps the page.
func PageMapped(k *sim.K, p *Page) bool {
	k.Step(opPageMapped, &p.count, sim.Read)
	return p.mapcount > 0
}
