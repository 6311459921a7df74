package pagecache_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trapline/pagecache"
	"trapline/sim"
)

// testContent is the content of a file of three pages, the last one cut short.
// No byte of it is zero.
var testContent = func() []byte {
	b := make([]byte, 2*pagecache.PageSize+100)
	for i := range b {
		b[i] = byte(i%251) + 1
	}
	return b
}()

// fileSystems make a file with testContent on each kind of file system.
var fileSystems = []struct {
	name string
	make func(m *sim.Machine) *pagecache.Inode
}{
	{"disk", func(m *sim.Machine) *pagecache.Inode {
		return pagecache.NewInode(m.Setup(), "file", testContent, pagecache.Disk)
	}},
	{"ramfs", func(m *sim.Machine) *pagecache.Inode {
		return pagecache.NewInode(m.Setup(), "file", testContent, pagecache.Ramfs)
	}},
	{"loop", func(m *sim.Machine) *pagecache.Inode {
		image := pagecache.NewInode(m.Setup(), "image", testContent, pagecache.Disk)
		m.After(func(k *sim.K) { settle(k, image) })
		return pagecache.NewInode(m.Setup(), "file", testContent, pagecache.NewLoop(m, "loop0", image))
	}},
}

// settle checks that the file is left in good order, and drops its pages.
func settle(k *sim.K, inode *pagecache.Inode) {
	if v := pagecache.CheckQuiet(inode); v != nil {
		k.Fail(v)
	}
	pagecache.Evict(k, inode)
}

// last lets the task that comes last go on wherever it can, and so lets
// interrupts come at once.
var last = sim.StrategyFunc(func(_ *sim.Machine, p *sim.Point) int {
	if p.Tasks == nil {
		return 0
	}
	return p.N - 1
})

// fails takes the first choice of a value that is not the ordinary one, n times.
func fails(n int) sim.Strategy {
	return sim.StrategyFunc(func(_ *sim.Machine, p *sim.Point) int {
		if p.Tasks == nil && n > 0 {
			n--
			return 1
		}
		return 0
	})
}

// run records one execution, in which a single task runs f on a file. f is called again
// if the machine has learnt something.
func run(t *testing.T, s sim.Strategy, newInode func(m *sim.Machine) *pagecache.Inode, f func(k *sim.K, inode *pagecache.Inode)) (sim.Outcome, *sim.Machine) {
	t.Helper()
	m := sim.NewMachine()
	t.Cleanup(m.Close)
	program := func(m *sim.Machine) {
		inode := newInode(m)
		inode.IOMayFail = true
		m.Go("task", func(k *sim.K) { f(k, inode) })
		m.After(func(k *sim.K) { settle(k, inode) })
	}
	for {
		if o := m.Record(program, s); !o.Learnt {
			return o, m
		}
	}
}

func mustRead(t *testing.T, k *sim.K, inode *pagecache.Inode, pos int64, n int, want []byte) {
	got, err := pagecache.DoGenericMappingRead(k, inode, pos, n)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("read of %d bytes at %d: %d bytes and %v, want %d bytes of the file", n, pos, len(got), err, len(want))
	}
}

func TestReadReturnsTheFile(t *testing.T) {
	size := len(testContent)
	for _, fs := range fileSystems {
		for _, readahead := range []int{0, 1, 2, 8} {
			for _, c := range []struct {
				pos     int64
				n, want int
			}{
				{0, 1, 1}, {0, size, size}, {0, size + 50, size}, {4090, 20, 20},
				{int64(size) - 1, 10, 1}, {int64(size), 10, 0}, {int64(size) + 9000, 1, 0},
			} {
				t.Run(fmt.Sprintf("%s/%d/%d+%d", fs.name, readahead, c.pos, c.n), func(t *testing.T) {
					o, m := run(t, last, fs.make, func(k *sim.K, inode *pagecache.Inode) {
						inode.ReadaheadPages = readahead
						end := min(int(c.pos), size) + c.want
						mustRead(t, k, inode, c.pos, c.n, testContent[end-c.want:end])
					})
					if o.Violation != nil {
						t.Fatal(o.Violation.Report)
					}
					if readahead == 8 && c.n == size {
						if n := count(m, "mapping->a_ops"); fs.name == "disk" && n != 1 {
							t.Errorf("readahead of the whole file looked for %d methods, want 1", n)
						}
					}
				})
			}
		}
	}
}

// count is how many recorded steps mention text.
func count(m *sim.Machine, text string) (n int) {
	for _, r := range m.Records() {
		if strings.Contains(r.Text, text) {
			n++
		}
	}
	return n
}

func TestIOErrors(t *testing.T) {
	fault := func(k *sim.K, inode *pagecache.Inode) error {
		page, err := pagecache.FilemapNopage(k, inode, 1)
		if err == nil {
			pagecache.PageCacheRelease(k, page)
		}
		return err
	}
	read := func(k *sim.K, inode *pagecache.Inode) error {
		_, err := pagecache.DoGenericMappingRead(k, inode, pagecache.PageSize, 1)
		return err
	}
	for _, c := range []struct {
		name   string
		errors int
		f      func(k *sim.K, inode *pagecache.Inode) error
		want   error
	}{
		{"read", 0, read, nil},
		{"read", 1, read, sim.EIO},
		{"fault", 0, fault, nil},
		{"fault", 2, fault, nil}, // page_cache_read(), and the first attempt
		{"fault", 3, fault, pagecache.ErrSigbus},
	} {
		for _, fs := range fileSystems {
			t.Run(fmt.Sprintf("%s/%s/%d errors", fs.name, c.name, c.errors), func(t *testing.T) {
				if fs.name != "disk" {
					t.Skip("no I/O errors here")
				}
				o, _ := run(t, fails(c.errors), fs.make, func(k *sim.K, inode *pagecache.Inode) {
					if err := c.f(k, inode); !errors.Is(err, c.want) {
						t.Errorf("%v, want %v", err, c.want)
					}
					if c.f(k, inode) != nil {
						t.Error("the page cannot be read any more after the errors")
					}
				})
				if o.Violation != nil {
					t.Fatal(o.Violation.Report)
				}
			})
		}
	}
}

func TestReclaim(t *testing.T) {
	for _, c := range []struct {
		name  string
		alter func(k *sim.K, p *pagecache.Page) (undo func())
		want  bool
	}{
		{"clean", func(*sim.K, *pagecache.Page) func() { return func() {} }, true},
		{"dirty", func(k *sim.K, p *pagecache.Page) func() { pagecache.SetPageDirty(k, p); return func() {} }, false},
		{"locked", func(k *sim.K, p *pagecache.Page) func() {
			pagecache.LockPage(k, p)
			return func() { pagecache.UnlockPage(k, p) }
		}, false},
		{"referenced", func(k *sim.K, p *pagecache.Page) func() {
			pagecache.PageCacheGet(k, p)
			return func() { pagecache.PageCacheRelease(k, p) }
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, _ := run(t, last, fileSystems[0].make, func(k *sim.K, inode *pagecache.Inode) {
				page, _ := pagecache.FilemapNopage(k, inode, 0)
				undo := c.alter(k, page)
				pagecache.PageCacheRelease(k, page)
				if got := pagecache.Reclaim(k, inode, 0); got != c.want {
					t.Errorf("reclaimed: %t, want %t", got, c.want)
				}
				undo()
				if _, cached := pagecache.Peek(inode, 0); cached == c.want {
					t.Errorf("in memory: %t", cached)
				}
			})
			if o.Violation != nil {
				t.Fatal(o.Violation.Report)
			}
		})
	}
}

func TestTruncate(t *testing.T) {
	for _, fs := range fileSystems {
		for _, size := range []int64{0, 1, 100, pagecache.PageSize, pagecache.PageSize + 1, 9000} {
			t.Run(fmt.Sprintf("%s/%d", fs.name, size), func(t *testing.T) {
				o, _ := run(t, last, fs.make, func(k *sim.K, inode *pagecache.Inode) {
					want := bytes.Clone(testContent[:min(size, int64(len(testContent)))])
					mustRead(t, k, inode, 0, len(testContent), testContent)
					if err := pagecache.DoTruncate(k, inode, size); err != nil {
						t.Error(err)
					}
					if size > int64(len(testContent)) {
						want = append(want, make([]byte, size-int64(len(testContent)))...)
					}
					mustRead(t, k, inode, 0, 20000, want)
					if _, err := pagecache.FilemapNopage(k, inode, 3); !errors.Is(err, pagecache.ErrSigbus) {
						t.Errorf("fault behind the end: %v", err)
					}

					// What was cut off does not come back.
					pagecache.DoTruncate(k, inode, 9000)
					pagecache.Reclaim(k, inode, 0)
					want = append(want, make([]byte, 9000-len(want))...)
					mustRead(t, k, inode, 0, 20000, want)
				})
				if o.Violation != nil {
					t.Fatal(o.Violation.Report)
				}
			})
		}
	}
}

func TestWriteAccess(t *testing.T) {
	o, _ := run(t, last, fileSystems[0].make, func(k *sim.K, inode *pagecache.Inode) {
		check := func(what string, got, want error) {
			if got != want {
				t.Errorf("%s: %v, want %v", what, got, want)
			}
		}
		check("deny", inode.DenyWriteAccess(k), nil)
		check("deny twice", inode.DenyWriteAccess(k), nil)
		check("truncate while denied", pagecache.DoTruncate(k, inode, 0), sim.ETXTBSY)
		inode.AllowWriteAccess(k)
		check("open while denied once", inode.GetWriteAccess(k), sim.ETXTBSY)
		inode.AllowWriteAccess(k)
		check("open", inode.GetWriteAccess(k), nil)
		check("deny while open", inode.DenyWriteAccess(k), sim.ETXTBSY)
		inode.PutWriteAccess(k)
		check("deny at last", inode.DenyWriteAccess(k), nil)
	})
	if o.Violation != nil {
		t.Fatal(o.Violation.Report)
	}
}

// TestBrokenRules plants bugs, each of which must be reported by the name of the
// rule that it breaks and the function that breaks it.
func TestBrokenRules(t *testing.T) {
	cached := func(k *sim.K, inode *pagecache.Inode) *pagecache.Page {
		page, _ := pagecache.FilemapNopage(k, inode, 0)
		return page
	}
	for _, c := range []struct {
		title string
		bug   func(k *sim.K, inode *pagecache.Inode)
	}{
		{"BUG: page touched before PG_uptodate in read_early", readEarly},
		{"BUG: page touched before PG_uptodate in write_early", writeEarly},
		{"BUG: page changed that has left its file in write_late", func(k *sim.K, inode *pagecache.Inode) { writeLate(k, inode, cached(k, inode)) }},
		{"kernel BUG in unlock_twice", func(k *sim.K, inode *pagecache.Inode) { unlockTwice(k, cached(k, inode)) }},
		{"KASAN: slab-use-after-free Write in use_freed", func(k *sim.K, inode *pagecache.Inode) { useFreed(k, inode, cached(k, inode)) }},
		{"BUG: Bad page state in put_locked", func(k *sim.K, inode *pagecache.Inode) {
			putLocked(k, pagecache.PageCacheAlloc(k, inode.Mapping, 0))
		}},
		{"BUG: Bad page state in put_cached", func(k *sim.K, inode *pagecache.Inode) { putCached(k, cached(k, inode)) }},
		{"KASAN: slab-use-after-free Read in do_generic_mapping_read", freedTable},
		{"BUG: sleeping function called from invalid context in lock_in_atomic", func(k *sim.K, inode *pagecache.Inode) {
			lockInAtomic(k, cached(k, inode))
		}},
		{"memory leak", func(k *sim.K, inode *pagecache.Inode) { pagecache.PageCacheAlloc(k, inode.Mapping, 0) }},
		{"BUG: Bad page state in settle", func(k *sim.K, inode *pagecache.Inode) { pagecache.LockPage(k, cached(k, inode)) }},
	} {
		t.Run(c.title, func(t *testing.T) {
			o, _ := run(t, sim.Undisturbed, fileSystems[0].make, c.bug)
			if o.Violation == nil || !strings.HasPrefix(o.Violation.Error(), c.title) {
				t.Errorf("got %v", o.Violation)
			}
		})
	}
}

func readEarly(k *sim.K, inode *pagecache.Inode) {
	page := pagecache.PageCacheAlloc(k, inode.Mapping, 0)
	pagecache.AddToPageCache(k, page, inode.Mapping, 0)
	pagecache.MpageReadpage(k, inode, page)
	pagecache.ReadByte(k, page, 0)
}

func writeEarly(k *sim.K, inode *pagecache.Inode) {
	page := pagecache.PageCacheAlloc(k, inode.Mapping, 0)
	pagecache.WriteByte(k, page, 0, 0xcc)
}

func writeLate(k *sim.K, inode *pagecache.Inode, page *pagecache.Page) {
	pagecache.InvalidateInUse(k, inode)
	pagecache.WriteByte(k, page, 0, 0xcc)
}

func unlockTwice(k *sim.K, page *pagecache.Page) {
	pagecache.LockPage(k, page)
	pagecache.UnlockPage(k, page)
	pagecache.UnlockPage(k, page)
}

func useFreed(k *sim.K, inode *pagecache.Inode, page *pagecache.Page) {
	pagecache.PageCacheRelease(k, page)
	pagecache.Reclaim(k, inode, 0)
	pagecache.LockPage(k, page)
}

func putLocked(k *sim.K, page *pagecache.Page) {
	pagecache.LockPage(k, page)
	pagecache.PageCacheRelease(k, page)
}

func putCached(k *sim.K, page *pagecache.Page) {
	pagecache.PageCacheRelease(k, page)
	pagecache.PageCacheRelease(k, page)
}

// freedTable reads through a table of methods that was freed.
func freedTable(k *sim.K, inode *pagecache.Inode) {
	table := &pagecache.AOps{Name: "user_a_ops", Life: new(sim.Life), Readpage: pagecache.MpageReadpage}
	k.Kzalloc(table.Life, table.Name, sim.GFPKernel)
	inode.Mapping.AOps.Write(k, table)
	k.Kfree(table.Life)
	pagecache.DoGenericMappingRead(k, inode, 0, 1)
}

func lockInAtomic(k *sim.K, page *pagecache.Page) {
	k.PreemptDisable()
	pagecache.LockPage(k, page)
}

// TestEndIO checks that a method may change a page at the end of its read, in
// the context that ends it, before anyone can see it.
func TestEndIO(t *testing.T) {
	for _, fs := range fileSystems {
		t.Run(fs.name, func(t *testing.T) {
			o, _ := run(t, last, fs.make, func(k *sim.K, inode *pagecache.Inode) {
				inode.Mapping.AOps.Write(k, &pagecache.AOps{Name: "patching_aops", Readpage: patchingReadpage})
				got, err := pagecache.DoGenericMappingRead(k, inode, 0, 2)
				if err != nil || got[0] != ^testContent[0] || got[1] != testContent[1] {
					t.Errorf("read % x, %v", got, err)
				}
			})
			if o.Violation != nil {
				t.Fatal(o.Violation.Report)
			}
		})
	}
}

func patchingReadpage(k *sim.K, inode *pagecache.Inode, page *pagecache.Page) error {
	pagecache.SubmitRead(k, inode, page, func(k *sim.K, page *pagecache.Page, err error) {
		if err == nil {
			pagecache.WriteByte(k, page, 0, ^pagecache.ReadByte(k, page, 0))
		}
		pagecache.MpageEndIORead(k, page, err)
	})
	return nil
}

// drawn lets rapid make the choices of an execution. They shrink towards 0, the
// undisturbed course.
func drawn(t *rapid.T) sim.Strategy {
	return sim.Picks(rapid.SliceOfN(rapid.IntRange(0, 3), 0, 200).Draw(t, "choices"))
}

// operation is one thing that a task of the property test does.
type operation struct {
	name string
	a, b int
}

func (o operation) run(k *sim.K, t *rapid.T, inode *pagecache.Inode, size int64) {
	index := uint64(o.a) >> pagecache.PageShift
	switch o.name {
	case "read":
		got, err := pagecache.DoGenericMappingRead(k, inode, int64(o.a), o.b)
		checkBytes(t, int64(o.a), got, err, size)
		if len(got) < min(o.b, int(size)-o.a) {
			t.Errorf("%v returned only %d bytes", o, len(got))
		}
	case "fault":
		page, err := pagecache.FilemapNopage(k, inode, index)
		if err != nil {
			if int64(index)<<pagecache.PageShift < size {
				t.Errorf("%v: %v", o, err)
			}
			return
		}
		off := o.a & (pagecache.PageSize - 1)
		if o.a < len(testContent) {
			checkBytes(t, int64(o.a), []byte{pagecache.ReadByte(k, page, off)}, nil, size)
		}
		pagecache.PageCacheRelease(k, page)
	case "reclaim":
		pagecache.Reclaim(k, inode, index)
	case "truncate":
		pagecache.DoTruncate(k, inode, size)
	}
}

// checkBytes checks that got is what the file holds at pos. Behind size, to
// which it may have been truncated, there may be zeroes too.
func checkBytes(t *rapid.T, pos int64, got []byte, err error, size int64) {
	if err != nil {
		t.Errorf("read at %d: %v", pos, err)
	}
	for i, b := range got {
		at := pos + int64(i)
		if b != testContent[at] && !(b == 0 && at >= size) {
			t.Errorf("byte %d is %#x, the file has %#x", at, b, testContent[at])
			return
		}
	}
}

// TestPageCacheIsTheFile checks that whatever two tasks do to a file, and however
// they interleave, each sees the bytes of the file, and nothing is left over.
func TestPageCacheIsTheFile(t *testing.T) {
	m := sim.NewMachine()
	defer m.Close()
	rapid.Check(t, func(t *rapid.T) {
		fs := rapid.SampledFrom(fileSystems).Draw(t, "file system")
		readahead := rapid.IntRange(0, 2).Draw(t, "readahead")
		size := int64(len(testContent))
		names := []string{"read", "fault", "reclaim"}
		if rapid.Bool().Draw(t, "truncate") {
			names = append(names, "truncate")
			size = rapid.Int64Range(0, size).Draw(t, "size")
		}
		operations := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) operation {
			return operation{
				rapid.SampledFrom(names).Draw(t, "op"),
				rapid.IntRange(0, len(testContent)+10).Draw(t, "at"),
				rapid.IntRange(1, 5000).Draw(t, "n"),
			}
		}), 1, 4)
		programs := [][]operation{operations.Draw(t, "a"), operations.Draw(t, "b")}
		o := m.Run(func(m *sim.Machine) {
			inode := fs.make(m)
			inode.ReadaheadPages = readahead
			for i, name := range []string{"a", "b"} {
				m.Go(name, func(k *sim.K) {
					for _, o := range programs[i] {
						o.run(k, t, inode, size)
					}
				})
			}
			m.After(func(k *sim.K) { settle(k, inode) })
		}, drawn(t))
		if o.Violation != nil || o.Cut {
			t.Fatalf("%v after %d steps (%+v)", o.Violation, o.Steps, o)
		}
	})
}
