package pagecache_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"trapline/pagecache"
	"trapline/sim"
	"trapline/sim/explore"
)

// area is an address space of one area with one page, as much of package vm as it
// takes to map a file: the entry is what a page table has for the page.
type area struct {
	pgd   sim.Object
	file  *pagecache.File
	entry *pagecache.Page
	write bool
	dirty bool
}

var (
	opPte   = sim.NewOp("set_pte_at(%s)")
	opStore = sim.NewOp("store(%s)")
)

func newArea(k *sim.K, file *pagecache.File) *area {
	a := &area{file: file}
	a.pgd.Init(k, "mm->pgd")
	mapping := file.Inode.Mapping
	k.SpinLock(&mapping.IMmapLock)
	pagecache.VMALinkFile(k, mapping, a)
	k.SpinUnlock(&mapping.IMmapLock)
	return a
}

// clear takes the entry away, within a step on the page table.
func (a *area) clear(k *sim.K) {
	if a.dirty {
		pagecache.DirtyPage(k, a.entry)
	}
	pagecache.PageRemoveRmap(k, a.entry)
	a.entry, a.write, a.dirty = nil, false, false
}

func (a *area) TryToUnmapOne(k *sim.K, page *pagecache.Page) {
	k.Step(opPte, &a.pgd, sim.Write)
	if a.entry == page {
		a.clear(k)
	}
}

func (a *area) UnmapMappingRangeVMA(k *sim.K, first uint64) {
	k.Step(opPte, &a.pgd, sim.Write)
	if a.entry != nil && a.entry.Index >= first {
		a.clear(k)
	}
}

func (a *area) PageMkcleanOne(k *sim.K, page *pagecache.Page) bool {
	k.Step(opPte, &a.pgd, sim.Write)
	if a.entry != page {
		return false
	}
	dirty := a.dirty
	a.write, a.dirty = false, false
	return dirty
}

// fault maps the page for writing, if the file still has it.
func (a *area) fault(k *sim.K, index uint64) error {
	page, err := pagecache.FilemapFault(k, a.file, index)
	if err != nil {
		return err
	}
	pagecache.SetPageDirty(k, page)
	a.set(k, page)
	pagecache.UnlockPage(k, page)
	return nil
}

// set maps a page for writing.
func (a *area) set(k *sim.K, page *pagecache.Page) {
	k.Step(opPte, &a.pgd, sim.Write)
	if a.entry != nil {
		a.clear(k)
	}
	a.entry, a.write = page, true
	pagecache.PageAddRmap(k, page)
}

// store is a program storing to the page, which faults as often as it takes.
func (a *area) store(k *sim.K, b byte) {
	for {
		k.Step(opStore, &a.pgd, sim.Write)
		if a.entry != nil && a.write {
			pagecache.StoreByte(k, a.entry, 0, b)
			a.dirty = true
			return
		}
		if a.fault(k, 0) != nil {
			return
		}
	}
}

// check fails if the entry is for a page that has left the file, and unmaps it.
func (a *area) check(k *sim.K) {
	if a.entry == nil {
		return
	}
	if a.entry.Mapping.Peek() == nil {
		k.Fail(&sim.Violation{Kind: pagecache.BadPageState, Subject: a.entry.String() + " is mapped, but gone from the file"})
	}
	a.clear(k)
}

// mute is an area that does not know page_mkclean().
type mute struct{ *area }

func (mute) PageMkcleanOne() {}

// small is a program on a file of one page and a bit, on a disk. What the tasks have
// noted by its end goes to notes.
type small struct {
	d     *pagecache.BlockDevice
	inode *pagecache.Inode
	file  *pagecache.File
	area  *area
	note  []string
}

func (s *small) done(k *sim.K) {
	if s.area != nil {
		s.area.check(k)
	}
	settle(k, s.inode)
}

// world makes a small program; tasks get it from begin.
func world(begin func(m *sim.Machine, s *small), ended func(text string)) sim.Program {
	return func(m *sim.Machine) {
		k := m.Setup()
		s := &small{d: pagecache.NewBlockDevice(k, "sda")}
		s.inode = pagecache.NewInode(k, "file", testContent[:pageSize+100], pagecache.NewBlockFS(s.d))
		s.file = pagecache.OpenFile(k, s.inode)
		begin(m, s)
		m.After(func(k *sim.K) {
			text := strings.Join(s.note, " ")
			for i := range int64(2) {
				if b, ok := pagecache.Peek(s.inode, i*pageSize); ok {
					text += fmt.Sprintf(" %d:%02x", i, b)
				}
			}
			s.done(k)
			if ended != nil {
				ended(strings.TrimSpace(text))
			}
		})
	}
}

func writeAA(k *sim.K, s *small, pos int64) {
	_, _ = pagecache.GenericFileWrite(k, s.file, pos, []byte{0xaa})
}

// worlds are explored to the end, by two searches that share no reduction.
var worlds = []struct {
	name  string
	begin func(m *sim.Machine, s *small)
	want  string // the ends that there are
}{
	{"truncate and fault", func(m *sim.Machine, s *small) {
		pagecache.Populate(m.Setup(), s.inode, 0)
		s.area = newArea(m.Setup(), s.file)
		m.Go("truncate", func(k *sim.K) { _ = pagecache.DoTruncate(k, s.inode, 0) })
		m.Go("fault", func(k *sim.K) { s.note = append(s.note, fmt.Sprint(s.area.fault(k, 0))) })
	}, "<nil>, SIGBUS, SIGBUS 0:00"},
	{"write and write-back", func(m *sim.Machine, s *small) {
		p := pagecache.Populate(m.Setup(), s.inode, 0)
		pagecache.SetPageDirty(m.Setup(), p)
		m.Go("write", func(k *sim.K) { writeAA(k, s, 0) })
		m.Go("flush", func(k *sim.K) { pagecache.WriteCachePages(k, s.inode, false) })
	}, "0:aa"},
	{"store and write-back", func(m *sim.Machine, s *small) {
		p := pagecache.Populate(m.Setup(), s.inode, 0)
		s.area = newArea(m.Setup(), s.file)
		pagecache.PageCacheGet(m.Setup(), p)
		pagecache.SetPageDirty(m.Setup(), p)
		s.area.set(m.Setup(), p)
		m.Go("store", func(k *sim.K) { s.area.store(k, 0xaa) })
		m.Go("flush", func(k *sim.K) { pagecache.WriteCachePages(k, s.inode, false) })
	}, "0:aa"},
	{"read and reclaim", func(m *sim.Machine, s *small) {
		p := pagecache.Populate(m.Setup(), s.inode, 0)
		pagecache.SetPageDirty(m.Setup(), p)
		m.Go("read", func(k *sim.K) {
			b, err := pagecache.GenericFileRead(k, s.file, 0, 1)
			s.note = append(s.note, fmt.Sprintf("%x %v", b, err))
		})
		m.Go("kswapd", func(k *sim.K) {
			pagecache.Reclaim(k, s.inode, 0)
			pagecache.Reclaim(k, s.inode, 0)
		})
	}, "01 <nil>, 01 <nil> 0:01"},
	{"write and truncate", func(m *sim.Machine, s *small) {
		pagecache.Populate(m.Setup(), s.inode, 0)
		m.Go("write", func(k *sim.K) { writeAA(k, s, pageSize-1) })
		m.Go("truncate", func(k *sim.K) { _ = pagecache.DoTruncate(k, s.inode, 0) })
	}, ", 0:00"},
	{"truncate and write-back", func(m *sim.Machine, s *small) {
		p := pagecache.Populate(m.Setup(), s.inode, 0)
		pagecache.SetPageDirty(m.Setup(), p)
		m.Go("truncate", func(k *sim.K) { _ = pagecache.DoTruncate(k, s.inode, 10) })
		m.Go("flush", func(k *sim.K) { pagecache.WriteCachePages(k, s.inode, false) })
	}, "0:01"},
	{"truncate all and write-back", func(m *sim.Machine, s *small) {
		p := pagecache.Populate(m.Setup(), s.inode, 0)
		pagecache.SetPageDirty(m.Setup(), p)
		m.Go("truncate", func(k *sim.K) { _ = pagecache.DoTruncate(k, s.inode, 0) })
		m.Go("flush", func(k *sim.K) { pagecache.WriteCachePages(k, s.inode, false) })
	}, ""},
	{"drop and write-back", func(m *sim.Machine, s *small) {
		p := pagecache.Populate(m.Setup(), s.inode, 0)
		pagecache.SetPageDirty(m.Setup(), p)
		m.Go("drop", func(k *sim.K) { pagecache.InvalidateMappingPages(k, s.inode) })
		m.Go("flush", func(k *sim.K) { pagecache.WriteCachePages(k, s.inode, false) })
	}, ", 0:01"},
	{"write and reclaim", func(m *sim.Machine, s *small) {
		pagecache.Populate(m.Setup(), s.inode, 0)
		m.Go("write", func(k *sim.K) { writeAA(k, s, 0) })
		m.Go("drop", func(k *sim.K) { pagecache.InvalidateMappingPages(k, s.inode) })
	}, "0:aa"},
	{"errors", func(m *sim.Machine, s *small) {
		s.d.MayFail = true
		p := pagecache.Populate(m.Setup(), s.inode, 0)
		pagecache.StoreByte(m.Setup(), p, 0, 0xaa)
		pagecache.SetPageDirty(m.Setup(), p)
		m.Go("fsync", func(k *sim.K) {
			s.note = append(s.note, fmt.Sprint(pagecache.Fsync(k, s.file)), fmt.Sprint(pagecache.Fsync(k, s.file)))
			_ = pagecache.InvalidateInodePages2(k, s.inode)
			s.d.MayFail = false
			b, _ := pagecache.GenericFileRead(k, s.file, 0, 1)
			s.note = append(s.note, fmt.Sprintf("%x", b))
		})
	}, "-EIO <nil> 01 0:01, -EIO <nil> aa 0:aa, <nil> <nil> aa 0:aa"},
	{"a queue of one", func(m *sim.Machine, s *small) {
		s.d.Requests, s.d.Depth = 1, 1
		for i, name := range []string{"a", "b"} {
			m.Go(name, func(k *sim.K) {
				b, err := pagecache.GenericFileRead(k, s.file, int64(i)*pageSize, 1)
				s.note = append(s.note, fmt.Sprintf("%s %x %v", name, b, err))
			})
		}
	}, "a 01 <nil> b 51 <nil> 0:01 1:51, b 51 <nil> a 01 <nil> 0:01 1:51"},
}

func TestWorlds(t *testing.T) {
	for _, w := range worlds {
		t.Run(w.name, func(t *testing.T) {
			var ends [2][]string
			for i, o := range []explore.Options{{}, {Strategy: explore.Bounded, Preemptions: 3}} {
				p := world(w.begin, func(text string) { ends[i] = append(ends[i], text) })
				r := explore.Check(t, p, o)
				if i == 0 && r.Blocked > 0 && !r.Varying {
					t.Errorf("%d executions were begun in vain", r.Blocked)
				}
				slices.Sort(ends[i])
				ends[i] = slices.Compact(ends[i])
			}
			if got := strings.Join(ends[0], ", "); got != w.want {
				t.Errorf("it ends in %q, want %q", got, w.want)
			}
			if !slices.Equal(ends[0], ends[1]) {
				t.Errorf("one search ends in %q, the other in %q", ends[0], ends[1])
			}
			if _, err := explore.CheckIndependence(context.Background(), world(w.begin, nil), explore.Options{Executions: 40}); err != nil {
				t.Error(err)
			}
		})
	}
}
