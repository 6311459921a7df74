package vm_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trapline/pagecache"
	"trapline/sim"
	"trapline/vm"
)

const (
	page = pagecache.PageSize
	base = 0x400000
)

// filePages is the number of pages of the file in the tests. The last one is
// half full.
const filePages = 4

var fileContent = func() []byte {
	b := make([]byte, filePages*page-page/2)
	for i := range b {
		b[i] = byte(i/page)<<4 | byte(i%13) | 1
	}
	return b
}()

// fileByte is the byte of the file at off, zero behind its end.
func fileByte(off uint64) byte {
	if off < uint64(len(fileContent)) {
		return fileContent[off]
	}
	return 0
}

// settle checks that the file and the address spaces are left in good order, and
// takes them down.
func settle(k *sim.K, inode *pagecache.Inode, mms ...*vm.MM) {
	if v := vm.CheckQuiet(mms...); v != nil {
		k.Fail(v)
	}
	for _, mm := range mms {
		vm.ExitMmap(k, mm)
	}
	if v := pagecache.CheckQuiet(inode); v != nil {
		k.Fail(v)
	}
	pagecache.Evict(k, inode)
}

// run records one execution, in which a single task runs f with an empty address
// space and a file.
func run(t *testing.T, f func(k *sim.K, mm *vm.MM, inode *pagecache.Inode)) sim.Outcome {
	t.Helper()
	m := sim.NewMachine()
	t.Cleanup(m.Close)
	return m.Record(func(m *sim.Machine) {
		k := m.Setup()
		mm := vm.NewMM(k, "mm")
		inode := pagecache.NewInode(k, "file", fileContent, pagecache.Disk)
		m.Go("task", func(k *sim.K) { f(k, mm, inode) })
		m.After(func(k *sim.K) { settle(k, inode, mm) })
	}, sim.Undisturbed)
}

// load reads the byte at addr as a program does: it faults until it can.
func load(k *sim.K, mm *vm.MM, addr uint64) (byte, error) {
	for {
		if b, ok := vm.Fetch(k, mm, addr); ok {
			return b, nil
		}
		if err := vm.HandleMmFault(k, mm, addr, false); err != nil {
			return 0, err
		}
	}
}

// store writes the byte at addr as a program does.
func store(k *sim.K, mm *vm.MM, addr uint64, b byte) error {
	for !vm.Store(k, mm, addr, b) {
		if err := vm.HandleMmFault(k, mm, addr, true); err != nil {
			return err
		}
	}
	return nil
}

func TestMmapMunmap(t *testing.T) {
	// Each line maps and unmaps ranges of pages, and shows what is left: for each
	// page from base on the page of the file that is mapped there, or a dot.
	for _, c := range []struct{ does, want string }{
		{"map 0 4 0", "0123...."},
		{"map 0 2 2; map 2 2 0", "2301...."},
		{"map 1 3 1; map 5 1 0", ".123.0.."},
		{"map 0 4 0; unmap 0 4", "........"},
		{"map 0 4 0; unmap 0 1", ".123...."},
		{"map 0 4 0; unmap 3 5", "012....."},
		{"map 0 4 0; unmap 1 2", "0..3...."},
		{"map 0 4 0; unmap 1 1; map 1 1 3", "0323...."},
		{"map 0 2 0; map 4 2 2; unmap 1 4", "0....3.."},
		{"unmap 0 8", "........"},
		{"map 0 2 0; map 1 2 0 = -EINVAL", "01......"},
		{"map 0 0 0 = -EINVAL", "........"},
	} {
		t.Run(c.does, func(t *testing.T) {
			o := run(t, func(k *sim.K, mm *vm.MM, inode *pagecache.Inode) {
				for does := range strings.SplitSeq(c.does, "; ") {
					mmapOrMunmap(t, k, mm, inode, does)
				}
				var got strings.Builder
				for i := range uint64(8) {
					b, err := load(k, mm, base+i*page)
					switch {
					case err == vm.ErrSegv:
						got.WriteByte('.')
					case err != nil:
						t.Error(err)
					default:
						fmt.Fprint(&got, b>>4)
					}
				}
				if got.String() != c.want {
					t.Errorf("mapped %s, want %s", got.String(), c.want)
				}
			})
			if o.Violation != nil {
				t.Fatal(o.Violation.Report)
			}
		})
	}
}

func mmapOrMunmap(t *testing.T, k *sim.K, mm *vm.MM, inode *pagecache.Inode, does string) {
	does, want, _ := strings.Cut(does, " = ")
	var at, n, pgoff uint64
	var err error
	if _, scanErr := fmt.Sscanf(does, "map %d %d %d", &at, &n, &pgoff); scanErr == nil {
		_, err = vm.DoMmap(k, mm, inode, base+at*page, n*page, pgoff, 0)
	} else if _, scanErr := fmt.Sscanf(does, "unmap %d %d", &at, &n); scanErr == nil {
		err = vm.DoMunmap(k, mm, base+at*page, n*page)
	} else {
		t.Errorf("test says %q", does)
	}
	if got := fmt.Sprint(err); err != nil && got != want || err == nil && want != "" {
		t.Errorf("%s = %v, want %q", does, err, want)
	}
}

func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name  string
		flags vm.VMFlags
		write bool
		at    uint64
		want  error
	}{
		{"read", 0, false, 0, nil},
		{"read the last page behind the end", 0, false, filePages*page - 1, nil},
		{"read behind the file", 0, false, filePages * page, vm.ErrSigbus},
		{"read where nothing is", 0, false, 8 * page, vm.ErrSegv},
		{"read below the area", 0, false, ^uint64(0), vm.ErrSegv},
		{"write to a read-only area", 0, true, 0, vm.ErrSegv},
		{"write a private page", vm.VMWrite, true, page, nil},
		{"write a shared page", vm.VMWrite | vm.VMShared, true, page, nil},
		{"write behind the file", vm.VMWrite, true, filePages * page, vm.ErrSigbus},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := run(t, func(k *sim.K, mm *vm.MM, inode *pagecache.Inode) {
				vm.DoMmap(k, mm, inode, base, 8*page, 0, c.flags)
				addr := base + c.at
				if err := vm.HandleMmFault(k, mm, addr, c.write); err != c.want {
					t.Errorf("%v, want %v", err, c.want)
				}
				b, mapped := vm.Peek(mm, addr)
				if mapped != (c.want == nil) || mapped && b != fileByte(c.at) {
					t.Errorf("mapped %t, byte %#x, the file has %#x", mapped, b, fileByte(c.at))
				}
			})
			if o.Violation != nil {
				t.Fatal(o.Violation.Report)
			}
		})
	}
}

// TestCopyOnWrite checks who sees a write to a mapped file: everyone for a shared
// area, nobody else for a private one.
func TestCopyOnWrite(t *testing.T) {
	for _, c := range []struct {
		name      string
		flags     vm.VMFlags
		readFirst bool
		shared    bool
	}{
		{"private", vm.VMWrite, false, false},
		{"private, read before", vm.VMWrite, true, false},
		{"shared", vm.VMWrite | vm.VMShared, false, true},
		{"shared, read before", vm.VMWrite | vm.VMShared, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := run(t, func(k *sim.K, mm *vm.MM, inode *pagecache.Inode) {
				vm.DoMmap(k, mm, inode, base, page, 0, c.flags)
				vm.DoMmap(k, mm, inode, base+page, page, 0, 0) // somebody else's view
				if c.readFirst {
					load(k, mm, base)
				}
				if err := store(k, mm, base+1, 0xcc); err != nil {
					t.Error(err)
				}
				if b, _ := load(k, mm, base+1); b != 0xcc {
					t.Errorf("the writer sees %#x", b)
				}
				if b, _ := load(k, mm, base); b != fileByte(0) {
					t.Errorf("the byte before is %#x", b)
				}
				if b, _ := load(k, mm, base+page+1); (b == 0xcc) != c.shared {
					t.Errorf("the other view is %#x", b)
				}
				if pagecache.Reclaim(k, inode, 0) == c.shared {
					t.Errorf("the page cache has a page that is dirty: %t", !c.shared)
				}
				if b, _ := load(k, mm, base+1); b != 0xcc {
					t.Errorf("the writer sees %#x after reclaim", b)
				}
			})
			if o.Violation != nil {
				t.Fatal(o.Violation.Report)
			}
		})
	}
}

func TestReclaimAndTruncateUnmap(t *testing.T) {
	o := run(t, func(k *sim.K, mm *vm.MM, inode *pagecache.Inode) {
		vm.DoMmap(k, mm, inode, base, 4*page, 0, vm.VMWrite)
		vm.DoMmap(k, mm, inode, base+8*page, page, 2, 0)
		for _, i := range []uint64{0, 1, 2, 3, 8} {
			load(k, mm, base+i*page)
		}
		store(k, mm, base+3*page, 1)
		mapped := func(want string) {
			t.Helper()
			var got strings.Builder
			for _, i := range []uint64{0, 1, 2, 3, 8} {
				if _, ok := vm.Peek(mm, base+i*page); ok {
					fmt.Fprint(&got, i)
				}
			}
			if got.String() != want {
				t.Errorf("mapped: %s, want %s", got.String(), want)
			}
		}
		mapped("01238")
		if !pagecache.Reclaim(k, inode, 2) {
			t.Error("a mapped page was not reclaimed")
		}
		mapped("013")
		load(k, mm, base+8*page)
		if err := pagecache.DoTruncate(k, inode, page+1); err != nil {
			t.Error(err)
		}
		mapped("01") // the private copy of page 3 is gone too
		if b, err := load(k, mm, base+page+1); b != 0 || err != nil {
			t.Errorf("behind the end of the last page: %#x, %v", b, err)
		}
		if _, err := load(k, mm, base+2*page); err != vm.ErrSigbus {
			t.Errorf("behind the last page: %v", err)
		}
	})
	if o.Violation != nil {
		t.Fatal(o.Violation.Report)
	}
}

func TestSharedWritableAreasOpenTheFile(t *testing.T) {
	o := run(t, func(k *sim.K, mm *vm.MM, inode *pagecache.Inode) {
		inode.DenyWriteAccess(k)
		if _, err := vm.DoMmap(k, mm, inode, base, 3*page, 0, vm.VMWrite|vm.VMShared); err != sim.ETXTBSY {
			t.Errorf("mmap while denied: %v", err)
		}
		inode.AllowWriteAccess(k)
		vm.DoMmap(k, mm, inode, base, 3*page, 0, vm.VMWrite|vm.VMShared)
		vm.DoMunmap(k, mm, base+page, page) // leaves two areas
		vm.DoMunmap(k, mm, base, page)
		if err := inode.DenyWriteAccess(k); err != sim.ETXTBSY {
			t.Errorf("deny while mapped: %v", err)
		}
		vm.DoMunmap(k, mm, base, 3*page)
		if err := inode.DenyWriteAccess(k); err != nil {
			t.Errorf("deny when unmapped: %v", err)
		}
	})
	if o.Violation != nil {
		t.Fatal(o.Violation.Report)
	}
}

// TestBrokenRules plants bugs, each of which must be reported.
func TestBrokenRules(t *testing.T) {
	for _, c := range []struct {
		title string
		bug   func(k *sim.K, mm *vm.MM, inode *pagecache.Inode)
	}{
		{"WARNING: lock not held", func(k *sim.K, mm *vm.MM, inode *pagecache.Inode) {
			vm.Mappings(k, inode.Mapping)
		}},
		{"KASAN: slab-use-after-free", func(k *sim.K, mm *vm.MM, inode *pagecache.Inode) {
			vma, _ := vm.DoMmap(k, mm, inode, base, page, 0, 0)
			vm.DoMunmap(k, mm, base, page)
			vm.VMAAddress(k, vma, 0)
		}},
		{"BUG: sleeping function called from invalid context", func(k *sim.K, mm *vm.MM, inode *pagecache.Inode) {
			k.SpinLock(&inode.Mapping.IMmapLock)
			vm.HandleMmFault(k, mm, base, false)
		}},
		{"BUG: Bad page map", func(k *sim.K, mm *vm.MM, inode *pagecache.Inode) {
			vm.DoMmap(k, mm, inode, base, page, 0, 0)
			load(k, mm, base)
			p := pagecache.FindGetPage(k, inode.Mapping, 0)
			pagecache.LockPage(k, p)
			pagecache.RemoveFromPageCache(k, p)
			pagecache.UnlockPage(k, p)
		}},
	} {
		t.Run(c.title, func(t *testing.T) {
			o := run(t, c.bug)
			if o.Violation == nil || !strings.HasPrefix(o.Violation.Error(), c.title) {
				t.Errorf("got %v", o.Violation)
			}
		})
	}
}

// drawn lets rapid make the choices of an execution. They shrink towards 0, the
// undisturbed course.
func drawn(t *rapid.T) sim.Strategy {
	return sim.Picks(rapid.SliceOfN(rapid.IntRange(0, 3), 0, 200).Draw(t, "choices"))
}

// A process of the property test does what it likes to its own address space,
// and compares that with a naive one: an array of pages.
type process struct {
	t     *rapid.T
	mm    *vm.MM
	inode *pagecache.Inode
	pages [6]naivePage
}

type naivePage struct {
	mapped, write bool
	index         uint64
	stored        bool // b, at offset 0
	b             byte
}

// operation is one thing that a process does.
type operation struct {
	name         string
	at, n, pgoff uint64
	write        bool
}

func drawOperation(t *rapid.T) operation {
	return operation{
		rapid.SampledFrom([]string{"mmap", "load", "store", "munmap", "reclaim"}).Draw(t, "op"),
		rapid.Uint64Range(0, 5).Draw(t, "at"),
		rapid.Uint64Range(1, 3).Draw(t, "n"),
		rapid.Uint64Range(0, filePages).Draw(t, "pgoff"),
		rapid.Bool().Draw(t, "write"),
	}
}

func (p *process) do(k *sim.K, o operation) {
	end := min(o.at+o.n, uint64(len(p.pages)))
	addr, length := base+o.at*page, (end-o.at)*page
	switch n := &p.pages[o.at]; o.name {
	case "mmap":
		p.mmap(k, o, addr, length, p.pages[o.at:end])
	case "munmap":
		if err := vm.DoMunmap(k, p.mm, addr, length); err != nil {
			p.t.Errorf("%+v: %v", o, err)
		}
		clear(p.pages[o.at:end])
	case "load":
		b, err := load(k, p.mm, addr)
		if want := n.fault(false); err != want || err == nil && b != n.value() {
			p.t.Errorf("%+v = %#x, %v; want %#x, %v", o, b, err, n.value(), want)
		}
	case "store":
		err := store(k, p.mm, addr, byte(o.pgoff))
		if want := n.fault(true); err != want {
			p.t.Errorf("%+v = %v; want %v", o, err, want)
		}
		if err == nil {
			n.stored, n.b = true, byte(o.pgoff)
		}
	case "reclaim":
		pagecache.Reclaim(k, p.inode, o.pgoff)
	}
}

func (p *process) mmap(k *sim.K, o operation, addr, length uint64, pages []naivePage) {
	var flags vm.VMFlags
	if o.write {
		flags = vm.VMWrite
	}
	var want error
	for _, n := range pages {
		if n.mapped {
			want = sim.EINVAL
		}
	}
	if _, err := vm.DoMmap(k, p.mm, p.inode, addr, length, o.pgoff, flags); err != want {
		p.t.Errorf("%+v = %v, want %v", o, err, want)
	}
	if want != nil {
		return
	}
	for i := range pages {
		pages[i] = naivePage{mapped: true, write: o.write, index: o.pgoff + uint64(i)}
	}
}

// fault is what a program gets for an access to the page.
func (n *naivePage) fault(write bool) error {
	switch {
	case !n.mapped || write && !n.write:
		return vm.ErrSegv
	case n.index >= filePages:
		return vm.ErrSigbus
	}
	return nil
}

func (n *naivePage) value() byte {
	if n.stored {
		return n.b
	}
	return fileByte(n.index * page)
}

// TestAddressSpaceIsItsPages checks that whatever two processes do to private
// mappings of one file, each sees its own, and nothing is left over.
func TestAddressSpaceIsItsPages(t *testing.T) {
	m := sim.NewMachine()
	defer m.Close()
	rapid.Check(t, func(t *rapid.T) {
		operations := rapid.SliceOfN(rapid.Custom(drawOperation), 1, 8)
		programs := [][]operation{operations.Draw(t, "a"), operations.Draw(t, "b")}
		fs := rapid.SampledFrom([]*pagecache.FS{pagecache.Disk, pagecache.Ramfs}).Draw(t, "fs")
		o := m.Run(func(m *sim.Machine) {
			k := m.Setup()
			inode := pagecache.NewInode(k, "file", fileContent, fs)
			var mms []*vm.MM
			for i, name := range []string{"a", "b"} {
				p := &process{t: t, mm: vm.NewMM(k, name), inode: inode}
				mms = append(mms, p.mm)
				m.Go(name, func(k *sim.K) {
					for _, o := range programs[i] {
						p.do(k, o)
					}
				})
			}
			m.After(func(k *sim.K) { settle(k, inode, mms...) })
		}, drawn(t))
		if o.Violation != nil || o.Cut {
			t.Fatalf("%v after %d steps", o.Violation, o.Steps)
		}
	})
}

// TestFaultsRaceTruncation checks that two threads that read a file through one
// address space, while it is cut to nothing and its pages are reclaimed, see the
// file, the zeroes of a page that is read behind its new end, or get a SIGBUS, and that
// no page stays mapped.
func TestFaultsRaceTruncation(t *testing.T) {
	m := sim.NewMachine()
	defer m.Close()
	rapid.Check(t, func(t *rapid.T) {
		reader := func(mm *vm.MM, write bool) func(k *sim.K) {
			return func(k *sim.K) {
				err := vm.HandleMmFault(k, mm, base, write)
				if b, ok := vm.Fetch(k, mm, base); ok && b != fileByte(0) && b != 0 || err != nil && err != vm.ErrSigbus {
					t.Errorf("read %#x, %v", b, err)
				}
			}
		}
		write := rapid.Bool().Draw(t, "write")
		o := m.Run(func(m *sim.Machine) {
			k := m.Setup()
			inode := pagecache.NewInode(k, "file", fileContent, pagecache.Disk)
			mm := vm.NewMM(k, "mm")
			vm.DoMmap(k, mm, inode, base, page, 0, vm.VMWrite)
			m.Go("a", reader(mm, write))
			m.Go("b", reader(mm, false))
			m.Go("truncate", func(k *sim.K) {
				pagecache.Reclaim(k, inode, 0)
				pagecache.DoTruncate(k, inode, 0)
			})
			m.After(func(k *sim.K) {
				if _, mapped := vm.Peek(mm, base); mapped {
					t.Errorf("a page behind the end of the file is mapped")
				}
				settle(k, inode, mm)
			})
		}, drawn(t))
		if o.Violation != nil || o.Cut {
			t.Fatalf("%v after %d steps", o.Violation, o.Steps)
		}
	})
}

// TestThreadsShareOneCopy checks that two threads that write to one private page
// end up with one copy of it, in which both writes are.
func TestThreadsShareOneCopy(t *testing.T) {
	m := sim.NewMachine()
	defer m.Close()
	rapid.Check(t, func(t *rapid.T) {
		readFirst := rapid.Bool().Draw(t, "read first")
		o := m.Run(func(m *sim.Machine) {
			k := m.Setup()
			inode := pagecache.NewInode(k, "file", fileContent, pagecache.Ramfs)
			mm := vm.NewMM(k, "mm")
			vm.DoMmap(k, mm, inode, base, page, 0, vm.VMWrite)
			if readFirst {
				pagecache.Populate(k, inode, 0)
				load(k, mm, base)
			}
			for i, name := range []string{"a", "b"} {
				m.Go(name, func(k *sim.K) {
					if err := store(k, mm, base+uint64(i), 0xcc); err != nil {
						t.Error(err)
					}
				})
			}
			m.After(func(k *sim.K) {
				a, _ := vm.Peek(mm, base)
				b, _ := vm.Peek(mm, base+1)
				if a != 0xcc || b != 0xcc {
					t.Errorf("the page holds %02x %02x", a, b)
				}
				settle(k, inode, mm)
			})
		}, drawn(t))
		if o.Violation != nil || o.Cut {
			t.Fatalf("%v after %d steps", o.Violation, o.Steps)
		}
	})
}
