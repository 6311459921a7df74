package pagecache_test

import (
	"fmt"
	"slices"
	"testing"

	"trapline/pagecache"
	"trapline/sim"
	"trapline/sim/explore"
)

// TestPlantedBugs checks that code which forgets one thing is found out, in some
// order. What does not forget it is among the worlds.
func TestPlantedBugs(t *testing.T) {
	for _, c := range []struct {
		name, title string
		begin       func(m *sim.Machine, s *small)
	}{
		{"a fault that does not look again", "BUG: Bad page state in check", func(m *sim.Machine, s *small) {
			pagecache.Populate(m.Setup(), s.inode, 0)
			s.area = newArea(m.Setup(), s.file)
			m.Go("truncate", func(k *sim.K) { _ = pagecache.DoTruncate(k, s.inode, 0) })
			m.Go("fault", func(k *sim.K) {
				if page, err := pagecache.FilemapNopage(k, s.inode, 0); err == nil {
					s.area.set(k, page)
				}
			})
		}},
		{"a page freed while it is written back", "BUG: Bad page state in drop_without_waiting", func(m *sim.Machine, s *small) {
			p := pagecache.Populate(m.Setup(), s.inode, 0)
			pagecache.SetPageDirty(m.Setup(), p)
			m.Go("drop", func(k *sim.K) {
				pagecache.WriteCachePages(k, s.inode, false)
				dropWithoutWaiting(k, s.inode)
			})
		}},
		{"a page that is clean only when it has been written", "BUG: lost write in settle", func(m *sim.Machine, s *small) {
			p := pagecache.Populate(m.Setup(), s.inode, 0)
			pagecache.SetPageDirty(m.Setup(), p)
			m.Go("write", func(k *sim.K) { writeAA(k, s, 0) })
			m.Go("flush", func(k *sim.K) { cleanTooLate(k, s.inode) })
		}},
		{"write-back that leaves the page tables alone", "BUG: lost write in settle", func(m *sim.Machine, s *small) {
			p := pagecache.Populate(m.Setup(), s.inode, 0)
			a := &area{file: s.file}
			a.pgd.Init(m.Setup(), "mm->pgd")
			m.Setup().SpinLock(&s.inode.Mapping.IMmapLock)
			pagecache.VMALinkFile(m.Setup(), s.inode.Mapping, mute{a})
			m.Setup().SpinUnlock(&s.inode.Mapping.IMmapLock)
			pagecache.PageCacheGet(m.Setup(), p)
			pagecache.SetPageDirty(m.Setup(), p)
			a.set(m.Setup(), p)
			m.Go("store", func(k *sim.K) { a.store(k, 0xaa) })
			m.Go("flush", func(k *sim.K) { pagecache.WriteCachePages(k, s.inode, false) })
		}},
		{"written back twice at once", "kernel BUG in write_again", func(m *sim.Machine, s *small) {
			p := pagecache.Populate(m.Setup(), s.inode, 0)
			pagecache.SetPageDirty(m.Setup(), p)
			m.Go("flush", func(k *sim.K) { pagecache.WriteCachePages(k, s.inode, false) })
			m.Go("again", func(k *sim.K) { writeAgain(k, s.inode) })
		}},
		{"ended twice", "kernel BUG in end_twice", func(m *sim.Machine, s *small) {
			p := pagecache.Populate(m.Setup(), s.inode, 0)
			m.Go("end", func(k *sim.K) { endTwice(k, p) })
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			explore.Expect(t, world(c.begin, nil), c.title, explore.Options{Strategy: explore.Bounded, Preemptions: 2})
		})
	}
}

// dropWithoutWaiting takes a page out of the cache and does not look at
// PG_writeback.
func dropWithoutWaiting(k *sim.K, inode *pagecache.Inode) {
	page := pagecache.FindGetPage(k, inode.Mapping, 0)
	pagecache.LockPage(k, page)
	pagecache.RemoveFromPageCache(k, page)
	pagecache.PageCacheRelease(k, page)
	pagecache.UnlockPage(k, page)
	pagecache.PageCacheRelease(k, page)
}

// cleanTooLate makes a page clean after it was written, and so what was written to it
// meanwhile as well.
func cleanTooLate(k *sim.K, inode *pagecache.Inode) {
	page := pagecache.FindGetPage(k, inode.Mapping, 0)
	pagecache.LockPage(k, page)
	_ = pagecache.BlockWriteFullPage(k, inode, page)
	pagecache.WaitOnPageWriteback(k, page)
	pagecache.LockPage(k, page)
	pagecache.ClearPageDirtyForIO(k, page)
	pagecache.UnlockPage(k, page)
	pagecache.PageCacheRelease(k, page)
}

// writeAgain does not wait for a write that is under way.
func writeAgain(k *sim.K, inode *pagecache.Inode) {
	page := pagecache.FindGetPage(k, inode.Mapping, 0)
	pagecache.LockPage(k, page)
	pagecache.SetPageWriteback(k, page)
	pagecache.EndPageWriteback(k, page)
	pagecache.UnlockPage(k, page)
	pagecache.PageCacheRelease(k, page)
}

func endTwice(k *sim.K, page *pagecache.Page) {
	pagecache.SetPageWriteback(k, page)
	pagecache.EndPageWriteback(k, page)
	pagecache.EndPageWriteback(k, page)
}

// TestLittleMemory checks that a file larger than memory can be read and written, and
// that there is none only where every page is in use.
func TestLittleMemory(t *testing.T) {
	var zone *pagecache.Zone
	o, _ := run(t, last, func(m *sim.Machine) *pagecache.Inode {
		inode := onDisk(nil)(m)
		zone = pagecache.NewZone(m.Setup(), 2)
		inode.Zone = zone
		return inode
	}, func(k *sim.K, inode *pagecache.Inode) {
		f := pagecache.OpenFile(k, inode)
		f.RAPages = 8
		mustRead(t, k, inode, 0, len(testContent), testContent)
		want := slices.Clone(testContent)
		for i := 0; i+100 < len(want); i += 1000 {
			copy(want[i:], "written")
			if _, err := pagecache.GenericFileWrite(k, f, int64(i), []byte("written")); err != nil {
				t.Error(err)
			}
		}
		mustRead(t, k, inode, 0, len(want), want)

		// Two pages in use, one of them by nobody who could give it up.
		a, errA := pagecache.FilemapNopage(k, inode, 0)
		b, errB := pagecache.AllocUserPage(k, zone, 7)
		_, errC := pagecache.FilemapNopage(k, inode, 1)
		_, errD := pagecache.GenericFileWrite(k, f, pageSize, []byte{1})
		_, errE := pagecache.GenericFileRead(k, f, pageSize, 1)
		if got := fmt.Sprint(errA, errB, errC, errD, errE); got != "<nil> <nil> -ENOMEM -ENOMEM -ENOMEM" {
			t.Error(got)
		}
		pagecache.PageCacheRelease(k, a)
		pagecache.PageCacheRelease(k, b)
		mustRead(t, k, inode, 0, len(want), want)
	})
	if o.Violation != nil {
		t.Fatal(o.Violation.Report)
	}
	if zone.PeekFree() != 2 {
		t.Errorf("%d pages are free at last, want 2", zone.PeekFree())
	}
}

// TestReadaheadWindows checks how many pages are in memory, or on their way, for
// readers of one page at a time: the windows grow as long as the reader goes straight on.
func TestReadaheadWindows(t *testing.T) {
	content := make([]byte, 100*pageSize)
	for _, c := range []struct {
		name  string
		pages []int64
		want  string // so many after each read
	}{
		{"straight on", []int64{0, 1, 2, 3, 4, 5, 11, 12}, "4 12 12 12 28 28 28 60"},
		{"from the middle", []int64{50, 51, 52}, "1 5 13"},
		{"at random", []int64{50, 9, 70}, "1 2 3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			disk := func(m *sim.Machine) *pagecache.Inode {
				return pagecache.NewInode(m.Setup(), "file", content, pagecache.NewBlockFS(pagecache.NewBlockDevice(m.Setup(), "sda")))
			}
			o, _ := run(t, last, disk, func(k *sim.K, inode *pagecache.Inode) {
				got = ""
				f := pagecache.OpenFile(k, inode)
				f.RAPages = 32
				for _, i := range c.pages {
					if _, err := pagecache.GenericFileRead(k, f, i*pageSize, 1); err != nil {
						t.Error(err)
					}
					n := 0
					for j := range uint64(100) {
						if page := pagecache.FindGetPage(k, inode.Mapping, j); page != nil {
							pagecache.PageCacheRelease(k, page)
							n++
						}
					}
					got += fmt.Sprint(n, " ")
				}
			})
			if o.Violation != nil {
				t.Fatal(o.Violation.Report)
			}
			if got != c.want+" " {
				t.Errorf("pages after each read: %s, want %s", got, c.want)
			}
		})
	}
}

// changes is a watcher that says what it was told.
type changes []string

func (c *changes) Changed(off, n int) { *c = append(*c, fmt.Sprintf("%d+%d", off, n)) }

// TestBytes checks that the bytes given to an executor are those of the page for
// good, and that it is told of every change.
func TestBytes(t *testing.T) {
	o, _ := run(t, last, onDisk(nil), func(k *sim.K, inode *pagecache.Inode) {
		f := pagecache.OpenFile(k, inode)
		page, err := pagecache.FilemapNopage(k, inode, 0)
		if err != nil {
			t.Fatal(err)
		}
		bytes, told := page.Bytes(), &changes{}
		page.Watch(told)
		if _, err := pagecache.GenericFileWrite(k, f, 10, []byte{1, 2, 3}); err != nil {
			t.Error(err)
		}
		if err := pagecache.Fsync(k, f); err != nil {
			t.Error(err)
		}
		bytes[0] = 99 // as an executor does
		pagecache.DirtyPage(k, page)
		if err := pagecache.DoTruncate(k, inode, 20); err != nil {
			t.Error(err)
		}
		if page.Bytes() != bytes || bytes[11] != 2 || bytes[19] != testContent[19] || bytes[20] != 0 {
			t.Error("the bytes are not those of the page")
		}
		if got := fmt.Sprint(*told); got != "[10+3 20+4076 20+4076]" {
			t.Errorf("told of %s", got)
		}
		pagecache.PageCacheRelease(k, page)
		remountAndRead(t, k, f, append([]byte{99}, append(slices.Clone(testContent[1:10]), 1, 2, 3)...))
		if testContent[0] == 99 || testContent[10] == 1 {
			t.Error("the image was changed")
		}
	})
	if o.Violation != nil {
		t.Fatal(o.Violation.Report)
	}
}

func remountAndRead(t *testing.T, k *sim.K, f *pagecache.File, want []byte) {
	if err := pagecache.Fsync(k, f); err != nil {
		t.Error(err)
	}
	if err := pagecache.InvalidateInodePages2(k, f.Inode); err != nil {
		t.Error(err)
	}
	mustRead(t, k, f.Inode, 0, len(want), want)
}
