package pagecache

import (
	"slices"

	"trapline/sim"
)

// Zone is struct zone: the memory that the pages of some files, and anonymous pages,
// are taken from. Without one there is no end of memory, and no reclaim but what is
// asked for with [Reclaim].
type Zone struct {
	o    sim.Object // zone->lock and zone->lru_lock
	free int
	// inactive are the pages that reclaim may look at, the oldest first. Linux's
	// active list is the front of the same one: who was used goes back to the end.
	inactive []*Page
}

// lru is what a page has to do with the zone it was taken from.
type lru struct {
	zone       *Zone      // nil if it was taken from none
	used       sim.Object // PG_referenced
	referenced bool
	onLRU      bool
}

var (
	opRmqueue          = sim.NewOp("rmqueue(%s)")
	opMarkPageAccessed = sim.NewOp("mark_page_accessed(%s)")
)

var _ = sim.Plumbing("rmqueue", "mark_page_accessed", "alloc_from_zone")

// NewZone returns memory of so many pages. Files use it when [Inode.Zone] says so. It
// is for the setup of a scenario.
func NewZone(k *sim.K, pages int) *Zone {
	z := &Zone{free: pages}
	z.o.Init(k, "zone")
	return z
}

// PeekFree is how many pages are free, for checks when everything is quiet.
func (z *Zone) PeekFree() int { return z.free }

// AllocUserPage is alloc_page_vma() from a zone: an anonymous page of zeroes, up to
// date, with one reference. It reclaims memory if none is free, and returns ENOMEM if
// that does not help. With a nil zone there is always memory. It sleeps.
func AllocUserPage(k *sim.K, z *Zone, index uint64) (*Page, error) {
	if err := z.rmqueue(k); err != nil {
		return nil, err
	}
	p := AllocAnonPage(k, index)
	p.takenFrom(k, z)
	p.uptodate = true
	return p, nil
}

// allocCachePage is PageCacheAlloc from the zone of the file.
func allocCachePage(k *sim.K, mapping *Mapping, index uint64) (*Page, error) {
	z := mapping.Host.Zone
	if err := z.rmqueue(k); err != nil {
		return nil, err
	}
	p := PageCacheAlloc(k, mapping, index)
	p.takenFrom(k, z)
	return p, nil
}

// takenFrom completes a page that is from a zone.
func (p *Page) takenFrom(k *sim.K, z *Zone) {
	if z == nil {
		return
	}
	p.zone = z
	p.used.Init(k, p.name)
	p.used.In(&p.life)
}

// rmqueue takes one page from the free ones, as __alloc_pages() does: it reclaims
// pages if there is none.
func (z *Zone) rmqueue(k *sim.K) error {
	if z == nil {
		return nil
	}
	k.MightSleep("zone")
	for {
		if z.take(k) {
			return nil
		}
		if !tryToFreePages(k, z) {
			break
		}
	}
	if z.take(k) { // somebody else may have freed one
		return nil
	}
	return sim.ENOMEM
}

func (z *Zone) take(k *sim.K) bool {
	k.Step(opRmqueue, &z.o, sim.Write)
	if k.Tracing() {
		k.Note("%d free", z.free)
	}
	k.Machine().Fold(uint64(z.free))
	if z.free == 0 {
		return false
	}
	z.free--
	return true
}

// lruCacheAdd is lru_cache_add(), within the step that adds the page to the cache:
// reclaim may look at it from now on.
func lruCacheAdd(k *sim.K, p *Page) {
	if p.zone != nil {
		k.Touch(&p.zone.o, sim.Write)
		p.putOnLRU()
	}
}

func (p *Page) putOnLRU() {
	p.onLRU = true
	p.zone.inactive = append(p.zone.inactive, p)
}

// freeToZone gives the page back, within the step that drops the last reference.
// Steps that give pages back commute.
func (p *Page) freeToZone(k *sim.K) {
	z := p.zone
	if z == nil {
		return
	}
	k.Touch(&z.o, sim.Add)
	z.free++
	if p.onLRU {
		p.onLRU = false
		i := slices.Index(z.inactive, p)
		z.inactive = slices.Delete(z.inactive, i, i+1)
	}
}

// markPageAccessed is mark_page_accessed(): reclaim passes the page over once.
func markPageAccessed(k *sim.K, p *Page) {
	if p.zone == nil {
		return
	}
	k.Step(opMarkPageAccessed, &p.used, sim.Add)
	p.referenced = true
}
