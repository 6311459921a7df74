package vm_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"trapline/pagecache"
	"trapline/sim"
	"trapline/vm"
)

// calls is a line of system calls to be made one after the other.
type calls struct {
	t     *testing.T
	k     *sim.K
	mm    *vm.MM
	inode *pagecache.Inode
}

// at is the address of a page of the tests.
func at(n uint64) uint64 { return base + n*page }

const (
	fixed   = vm.MapFixed
	private = vm.MapPrivate
	anon    = vm.MapPrivate | vm.MapAnonymous
	rw      = vm.ProtRead | vm.ProtWrite
)

// map maps anonymous memory at a page, or the file from page pgoff on.
func (c *calls) mmap(n, pages uint64, prot vm.Prot, flags vm.MapFlags, pgoff ...uint64) {
	c.t.Helper()
	a := vm.MmapArgs{Addr: at(n), Length: pages * page, Prot: prot, Flags: flags | fixed}
	if len(pgoff) > 0 {
		a.File, a.Pgoff = c.inode, pgoff[0]
	}
	if addr, err := vm.Mmap(c.k, c.mm, a); addr != at(n) || err != nil {
		c.t.Errorf("mmap at page %d = %#x, %v", n, addr, err)
	}
}

func (c *calls) want(err, want error) {
	c.t.Helper()
	if err != want {
		c.t.Errorf("%v, want %v", err, want)
	}
}

// layout shows the areas: pages from base on, flags, and where they map the file.
func (c *calls) layout() string {
	var lines []string
	for _, r := range vm.Maps(c.k, c.mm) {
		line := fmt.Sprintf("%d-%d %s", int64(r.Start-base)/page, int64(r.End-base)/page, r.Flags)
		if r.Name != "" {
			line += fmt.Sprintf(" %s:%d", r.Name, r.Offset/page)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, ", ")
}

func TestAreas(t *testing.T) {
	for _, c := range []struct {
		name string
		does func(c *calls)
		want string
	}{
		{"anonymous neighbours are one", func(c *calls) {
			c.mmap(0, 1, rw, anon)
			c.mmap(2, 1, rw, anon)
			c.mmap(1, 1, rw, anon)
		}, "0-3 rw-p"},
		{"neighbours of another kind are not", func(c *calls) {
			c.mmap(0, 1, rw, anon)
			c.mmap(1, 1, vm.ProtRead, anon)
			c.mmap(2, 1, rw, vm.MapShared|vm.MapAnonymous)
			c.mmap(3, 1, rw, vm.MapShared|vm.MapAnonymous)
		}, "0-1 rw-p, 1-2 r--p, 2-3 rw-s dev/zero:0, 3-4 rw-s dev/zero:0"},
		{"a file goes on", func(c *calls) {
			c.mmap(0, 2, rw, private, 0)
			c.mmap(2, 1, rw, private, 2)
			c.mmap(3, 1, rw, private, 2)
		}, "0-3 rw-p file:0, 3-4 rw-p file:2"},
		{"a fixed map replaces what is there", func(c *calls) {
			c.mmap(0, 4, rw, private, 0)
			c.mmap(1, 2, vm.ProtRead, anon)
		}, "0-1 rw-p file:0, 1-3 r--p, 3-4 rw-p file:3"},
		{"but not one that says so", func(c *calls) {
			c.mmap(0, 2, rw, anon)
			_, err := vm.Mmap(c.k, c.mm, vm.MmapArgs{Addr: at(1), Length: page, Flags: anon | vm.MapFixedNoReplace})
			c.want(err, sim.EEXIST)
			_, err = vm.Mmap(c.k, c.mm, vm.MmapArgs{Addr: at(2), Length: page, Prot: rw, Flags: anon | vm.MapFixedNoReplace})
			c.want(err, nil)
		}, "0-3 rw-p"},
		{"a file that is open for reading", func(c *calls) {
			a := vm.MmapArgs{Addr: at(0), Length: page, Prot: rw, Flags: vm.MapShared | fixed, File: c.inode, ReadOnly: true}
			_, err := vm.Mmap(c.k, c.mm, a)
			c.want(err, sim.EACCES)
			a.Prot = vm.ProtRead
			_, err = vm.Mmap(c.k, c.mm, a)
			c.want(err, nil)
			c.want(vm.Mprotect(c.k, c.mm, at(0), page, rw), sim.EACCES)
			c.want(vm.Mprotect(c.k, c.mm, at(0), page, vm.ProtNone), nil)
		}, "0-1 ---s file:0"},
		{"what cannot be mapped", func(c *calls) {
			for _, x := range []struct {
				a    vm.MmapArgs
				want error
			}{
				{vm.MmapArgs{Length: 0, Flags: anon}, sim.EINVAL},
				{vm.MmapArgs{Length: page, Flags: vm.MapAnonymous}, sim.EINVAL},
				{vm.MmapArgs{Length: ^uint64(0), Flags: anon}, sim.ENOMEM},
				{vm.MmapArgs{Length: 1 << 47, Flags: anon}, sim.ENOMEM},
				{vm.MmapArgs{Addr: at(0) + 1, Length: page, Flags: anon | fixed}, sim.EINVAL},
				{vm.MmapArgs{Addr: 0, Length: page, Flags: anon | fixed}, sim.EPERM},
				{vm.MmapArgs{Addr: vm.TaskSize, Length: page, Flags: anon | fixed}, sim.ENOMEM},
				{vm.MmapArgs{Length: page, Flags: private, File: c.inode, Pgoff: ^uint64(0)}, sim.EOVERFLOW},
				{vm.MmapArgs{Length: page, Flags: private | vm.MapGrowsDown, File: c.inode}, sim.EINVAL},
			} {
				_, err := vm.Mmap(c.k, c.mm, x.a)
				c.want(err, x.want)
			}
		}, ""},
		{"mprotect splits, and joins again", func(c *calls) {
			c.mmap(0, 4, rw, anon)
			c.want(vm.Mprotect(c.k, c.mm, at(1), 2*page, vm.ProtRead), nil)
			c.want(vm.Mprotect(c.k, c.mm, at(1), page, rw), nil)
		}, "0-2 rw-p, 2-3 r--p, 3-4 rw-p"},
		{"mprotect joins across what it changes", func(c *calls) {
			c.mmap(0, 1, rw, private, 0)
			c.mmap(1, 1, vm.ProtRead, private, 1)
			c.mmap(2, 1, rw, private, 2)
			c.want(vm.Mprotect(c.k, c.mm, at(0), 3*page, rw), nil)
		}, "0-3 rw-p file:0"},
		{"mprotect goes as far as there are areas", func(c *calls) {
			c.mmap(0, 1, rw, anon)
			c.want(vm.Mprotect(c.k, c.mm, at(0), 2*page, vm.ProtRead), sim.ENOMEM)
			c.want(vm.Mprotect(c.k, c.mm, at(0)+1, page, vm.ProtRead), sim.EINVAL)
			c.want(vm.Mprotect(c.k, c.mm, at(9), 0, vm.ProtRead), nil)
		}, "0-1 r--p"},
		{"mremap moves next to where it goes on", func(c *calls) {
			c.mmap(0, 1, rw, private, 0)
			c.mmap(2, 1, rw, private, 2)
			c.mmap(4, 1, rw, private, 1)
			_, err := vm.Mremap(c.k, c.mm, at(4), page, page, vm.MremapMayMove|vm.MremapFixed, at(1))
			c.want(err, nil)
		}, "0-3 rw-p file:0"},
		{"munmap in the middle", func(c *calls) {
			c.mmap(0, 4, rw, private, 0)
			c.want(vm.DoMunmap(c.k, c.mm, at(1), page+1), nil)
			c.want(vm.DoMunmap(c.k, c.mm, at(1)+1, page), sim.EINVAL)
			c.want(vm.DoMunmap(c.k, c.mm, at(1), 0), sim.EINVAL)
			c.want(vm.DoMunmap(c.k, c.mm, at(1), vm.TaskSize), sim.EINVAL)
		}, "0-1 rw-p file:0, 3-4 rw-p file:3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := run(t, func(k *sim.K, mm *vm.MM, inode *pagecache.Inode) {
				calls := &calls{t, k, mm, inode}
				c.does(calls)
				if got := calls.layout(); got != c.want {
					t.Errorf("%s\nwant %s", got, c.want)
				}
			})
			if o.Violation != nil {
				t.Fatal(o.Violation.Report)
			}
		})
	}
}

func TestMremap(t *testing.T) {
	const move, to = vm.MremapMayMove, vm.MremapMayMove | vm.MremapFixed
	const everything = 1<<52 - 1 // pages: as many as a length can say
	for _, c := range []struct {
		name               string
		n, pages, newPages uint64
		flags              vm.MremapFlags
		to                 uint64
		want               error
		layout             string
	}{
		{"shrinks", 0, 3, 1, 0, 0, nil, "0-1 rw-p file:0, 6-7 rw-p"},
		{"grows in place", 0, 3, 5, 0, 0, nil, "0-5 rw-p file:0, 6-7 rw-p"},
		{"has no room", 0, 3, 7, 0, 0, sim.ENOMEM, "0-3 rw-p file:0, 6-7 rw-p"},
		{"a part has no room", 0, 2, 3, 0, 0, sim.ENOMEM, "0-3 rw-p file:0, 6-7 rw-p"},
		{"moves to an address", 0, 3, 3, to, 8, nil, "6-7 rw-p, 8-11 rw-p file:0"},
		{"moves a part, which grows", 1, 1, 2, to, 8, nil, "0-1 rw-p file:0, 2-3 rw-p file:2, 6-7 rw-p, 8-10 rw-p file:1"},
		{"moves onto another", 0, 3, 2, to, 6, nil, "6-8 rw-p file:0"},
		{"moves its first page", 0, 1, 1, to, 5, nil, "1-3 rw-p file:1, 5-6 rw-p file:0, 6-7 rw-p"},
		{"leaves the old place", 0, 3, 3, to | vm.MremapDontUnmap, 8, nil, "0-3 rw-p file:0, 6-7 rw-p, 8-11 rw-p file:0"},
		{"stays", 0, 3, 3, move, 0, nil, "0-3 rw-p file:0, 6-7 rw-p"},
		{"onto itself", 0, 3, 3, to, 1, sim.EINVAL, "0-3 rw-p file:0, 6-7 rw-p"},
		{"where nothing is", 4, 1, 2, move, 0, sim.EFAULT, "0-3 rw-p file:0, 6-7 rw-p"},
		{"beyond the area", 1, 4, 5, move, 0, sim.EFAULT, "0-3 rw-p file:0, 6-7 rw-p"},
		{"to nothing", 0, 3, 0, move, 0, sim.EINVAL, "0-3 rw-p file:0, 6-7 rw-p"},
		{"a second view of private memory", 0, 0, 1, move, 0, sim.EINVAL, "0-3 rw-p file:0, 6-7 rw-p"},
		{"fixed and not to be moved", 0, 3, 3, vm.MremapFixed, 8, sim.EINVAL, "0-3 rw-p file:0, 6-7 rw-p"},
		{"grows to all there is", 0, 3, everything, 0, 0, sim.ENOMEM, "0-3 rw-p file:0, 6-7 rw-p"},
		{"moves, and grows to all there is", 0, 3, everything, move, 0, sim.ENOMEM, "0-3 rw-p file:0, 6-7 rw-p"},
		{"shrinks from all there is", 0, everything, 1, 0, 0, sim.EINVAL, "0-3 rw-p file:0, 6-7 rw-p"},
		{"shrinks from beyond all addresses", 0, vm.TaskSize / page, 1, 0, 0, sim.EINVAL, "0-3 rw-p file:0, 6-7 rw-p"},
		{"moves, and shrinks from all there is", 0, everything, 1, to, 8, sim.EINVAL, "0-3 rw-p file:0, 6-7 rw-p"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := run(t, func(k *sim.K, mm *vm.MM, inode *pagecache.Inode) {
				calls := &calls{t, k, mm, inode}
				calls.mmap(0, 3, rw, private, 0)
				calls.mmap(6, 1, rw, anon)
				if err := vm.CopyToUser(k, mm, at(0), []byte{1}); err != nil {
					t.Fatal(err)
				}
				addr, err := vm.Mremap(k, mm, at(c.n), c.pages*page, c.newPages*page, c.flags, at(c.to))
				if err != c.want || err == nil && c.flags&vm.MremapFixed != 0 && addr != at(c.to) {
					t.Errorf("%#x, %v; want %v", addr, err, c.want)
				}
				if got := calls.layout(); got != c.layout {
					t.Errorf("%s\nwant %s", got, c.layout)
				}
				b := []byte{0}
				if err == nil && c.n == 0 {
					if err := vm.CopyFromUser(k, mm, addr, b); err != nil || b[0] != 1 {
						t.Errorf("the page that was written to holds %#x, %v", b[0], err)
					}
				}
			})
			if o.Violation != nil {
				t.Fatal(o.Violation.Report)
			}
		})
	}
}

// TestMadviseDontneed checks what is left of memory that a program wants no more.
func TestMadviseDontneed(t *testing.T) {
	o := run(t, func(k *sim.K, mm *vm.MM, inode *pagecache.Inode) {
		c := &calls{t, k, mm, inode}
		c.mmap(0, 2, rw, anon)
		c.mmap(3, 1, rw, private, 1)
		for _, n := range []uint64{0, 1, 3} {
			c.want(vm.CopyToUser(k, mm, at(n), []byte{1}), nil)
		}
		c.want(vm.MadviseDontneed(k, mm, at(1), page), nil)
		c.want(vm.MadviseDontneed(k, mm, at(1), 3*page), sim.ENOMEM) // and the rest is done
		c.want(vm.MadviseDontneed(k, mm, at(0)+1, page), sim.EINVAL)
		c.want(vm.MadviseDontneed(k, mm, at(0), ^uint64(0)), sim.EINVAL)
		c.want(vm.MadviseDontneed(k, mm, vm.TaskSize, page), sim.ENOMEM)
		for n, want := range map[uint64]byte{0: 1, 1: 0, 3: fileByte(page)} { // in any order
			b := []byte{0xff}
			if err := vm.CopyFromUser(k, mm, at(n), b); err != nil || b[0] != want {
				t.Errorf("page %d holds %#x, %v; want %#x", n, b[0], err, want)
			}
		}
	})
	if o.Violation != nil {
		t.Fatal(o.Violation.Report)
	}
}

// TestWhereAreasGo checks the addresses of maps that ask for none, or for one that
// they cannot have.
func TestWhereAreasGo(t *testing.T) {
	o := run(t, func(k *sim.K, mm *vm.MM, _ *pagecache.Inode) {
		place := func(hint, pages uint64, flags vm.MapFlags, want uint64) {
			t.Helper()
			addr, err := vm.Mmap(k, mm, vm.MmapArgs{Addr: hint, Length: pages * page, Prot: rw, Flags: anon | flags})
			if addr != want || err != nil {
				t.Errorf("mmap(%#x) = %#x, %v; want %#x", hint, addr, err, want)
			}
		}
		const top = vm.DefaultMmapBase
		place(0, 2, 0, top-2*page)
		place(0, 1, 0, top-3*page)
		if err := vm.DoMunmap(k, mm, top-2*page, page); err != nil {
			t.Fatal(err)
		}
		place(0, 2, 0, top-5*page) // too large for the hole
		place(0, 1, 0, top-2*page) // the hole
		place(base+1, 1, 0, base+page)
		place(base+page, 1, 0, top-6*page) // taken
		place(1, 1, 0, 0x10000)            // no lower than that
		place(0, 1, vm.Map32Bit, 0x40000000)
		mm.MmapBase = 0x20000
		place(0, 1, 0, 0x1f000)
		place(0, 0x10, 0, 0x2aaaaaaaa000) // no room below
		stack := uint64(0x50000000)
		place(stack, 2, vm.MapGrowsDown, stack)
		place(stack-page, 1, 0, 0x1e000) // a stack keeps its distance
		place(stack-257*page, 1, 0, stack-257*page)
	})
	if o.Violation != nil {
		t.Fatal(o.Violation.Report)
	}
}

func TestBrk(t *testing.T) {
	o := run(t, func(k *sim.K, mm *vm.MM, inode *pagecache.Inode) {
		c := &calls{t, k, mm, inode}
		vm.SetBrk(mm, base+0x10)
		c.mmap(8, 1, rw, anon)
		for _, x := range []struct {
			to, want uint64
			layout   string
		}{
			{0, base + 0x10, "8-9 rw-p"},
			{at(0) + 0x20, at(0) + 0x20, "8-9 rw-p"}, // the page of the start is not the heap's
			{at(2) + 1, at(2) + 1, "1-3 rw-p [heap]:0, 8-9 rw-p"},
			{at(7), at(7), "1-7 rw-p [heap]:0, 8-9 rw-p"},
			{at(7) + 1, at(7), "1-7 rw-p [heap]:0, 8-9 rw-p"}, // a page is left free
			{at(2), at(2), "1-2 rw-p [heap]:0, 8-9 rw-p"},
			{base, at(2), "1-2 rw-p [heap]:0, 8-9 rw-p"},
			{base + 0x10, base + 0x10, "8-9 rw-p"},
		} {
			if got := vm.Brk(k, mm, x.to); got != x.want {
				t.Errorf("brk(%#x) = %#x, want %#x", x.to, got, x.want)
			}
			if got := c.layout(); got != x.layout {
				t.Errorf("brk(%#x): %s, want %s", x.to, got, x.layout)
			}
		}
	})
	if o.Violation != nil {
		t.Fatal(o.Violation.Report)
	}
}

// TestSignals checks what a program gets for an access that cannot be.
func TestSignals(t *testing.T) {
	const r, w, x = 0, vm.FaultWrite, vm.FaultInstruction
	for _, c := range []struct {
		name   string
		addr   uint64
		access vm.FaultFlags
		want   string
	}{
		{"read nothing", at(20), r, "SIGSEGV, code 1, at 0x414000"},
		{"read beyond all addresses", 1 << 63, r, "SIGSEGV, code 1, at 0x8000000000000000"},
		{"read the page of null", 8, r, "SIGSEGV, code 1, at 0x8"},
		{"read what is read-only", at(0) + 5, r, ""},
		{"write what is read-only", at(0) + 5, w, "SIGSEGV, code 2, at 0x400005"},
		{"execute what is read-only", at(0) + 5, x, "SIGSEGV, code 2, at 0x400005"},
		{"read what is for nothing", at(1), r, "SIGSEGV, code 2, at 0x401000"},
		{"read what is write-only", at(2), r, ""},
		{"read what is execute-only", at(3), r, ""},
		{"execute what is execute-only", at(3), x, ""},
		{"execute what is write-only", at(2), x, "SIGSEGV, code 2, at 0x402000"},
		{"the last page of the file", at(4), r, ""},
		{"behind the file, private", at(5) + 7, w, "SIGBUS, code 2, at 0x405007"},
		{"behind the file, shared", at(6), r, "SIGBUS, code 2, at 0x406000"},
		{"below the file's area", at(3) - 1, x, "SIGSEGV, code 2, at 0x402fff"},
		{"force a write to what is read-only", at(0), w | vm.FaultForce, ""},
		{"force a write to what is shared", at(7), w | vm.FaultForce, "SIGSEGV, code 2, at 0x407000"},
	} {
		for _, retry := range []vm.FaultFlags{0, vm.FaultAllowRetry} {
			t.Run(fmt.Sprint(c.name, retry), func(t *testing.T) {
				o := run(t, func(k *sim.K, mm *vm.MM, inode *pagecache.Inode) {
					l := &calls{t, k, mm, inode}
					l.mmap(0, 1, vm.ProtRead, anon)
					l.mmap(1, 1, vm.ProtNone, anon)
					l.mmap(2, 1, vm.ProtWrite, anon)
					l.mmap(3, 1, vm.ProtExec, anon)
					l.mmap(4, 2, rw, private, filePages-1)
					l.mmap(6, 1, rw, vm.MapShared, filePages)
					l.mmap(7, 1, vm.ProtRead, vm.MapShared, 0)
					err := vm.DoPageFault(k, mm, c.addr, c.access|retry)
					if got := fmt.Sprint(err); got != c.want && (err != nil || c.want != "") {
						t.Errorf("%v, want %q", err, c.want)
					}
					if segv := strings.HasPrefix(c.want, "SIGSEGV"); err != nil && (errors.Is(err, vm.ErrSegv) != segv || errors.Is(err, vm.ErrSigbus) == segv) {
						t.Errorf("%v is the wrong one", err)
					}
				})
				if o.Violation != nil {
					t.Fatal(o.Violation.Report)
				}
			})
		}
	}
}

func TestStacks(t *testing.T) {
	for _, c := range []struct {
		name string
		addr uint64
		want string
	}{
		{"just below", at(1000) - 1, ""},
		{"far below", at(1001 - 64), ""},
		{"beyond the limit", at(1001-64) - 1, "SIGSEGV, code 1, at 0x7a8fff"},
		{"above", at(1001), "SIGSEGV, code 1, at 0x7e9000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := run(t, func(k *sim.K, mm *vm.MM, inode *pagecache.Inode) {
				l := &calls{t, k, mm, inode}
				mm.StackLimit = 64 * page
				l.mmap(1000, 1, rw, anon|vm.MapGrowsDown)
				err := vm.DoPageFault(k, mm, c.addr, vm.FaultWrite)
				if got := fmt.Sprint(err); got != c.want && (err != nil || c.want != "") {
					t.Errorf("%v, want %q", err, c.want)
				}
				want := "1000-1001 rw-p [stack]:0"
				if err == nil {
					want = fmt.Sprintf("%d-1001 rw-p [stack]:0", (c.addr-base)/page)
				}
				if got := l.layout(); got != want {
					t.Errorf("%s, want %s", got, want)
				}
			})
			if o.Violation != nil {
				t.Fatal(o.Violation.Report)
			}
		})
	}
}

// TestStackKeepsItsDistance checks that a stack does not grow near another area.
func TestStackKeepsItsDistance(t *testing.T) {
	o := run(t, func(k *sim.K, mm *vm.MM, inode *pagecache.Inode) {
		l := &calls{t, k, mm, inode}
		l.mmap(1000, 1, rw, anon|vm.MapGrowsDown)
		l.mmap(700, 1, rw, anon)
		if err := vm.DoPageFault(k, mm, at(701+256), 0); err != nil {
			t.Error(err)
		}
		if err := vm.DoPageFault(k, mm, at(701+255), 0); err == nil {
			t.Error("a stack has grown to less than 256 pages from another area")
		}
	})
	if o.Violation != nil {
		t.Fatal(o.Violation.Report)
	}
}
