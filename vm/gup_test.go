package vm_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"trapline/pagecache"
	"trapline/sim"
	"trapline/vm"
)

// TestReplacePage does what uprobes do: a page of text is replaced by a copy with a
// breakpoint in it, which nobody else sees and the child inherits.
func TestReplacePage(t *testing.T) {
	o := run(t, func(k *sim.K, mm *vm.MM, inode *pagecache.Inode) {
		l := &calls{t, k, mm, inode}
		l.mmap(0, 2, vm.ProtRead|vm.ProtExec, private, 0)
		l.mmap(4, 1, vm.ProtRead, private, 1) // somebody else's view
		k.DownWrite(&mm.MmapSem)
		old, vma, err := vm.GetUserPage(k, mm, at(1)+5, false)
		if err != nil || old.String() != "file:1" || vma.Start != at(0) {
			t.Fatal(old, err)
		}
		copied := pagecache.AllocAnonPage(k, at(1))
		pagecache.CopyUserHighpage(k, copied, old)
		pagecache.StoreByte(k, copied, 5, 0xcc)
		if err := vm.ReplacePage(k, vma, at(1), old, copied); err != nil {
			t.Error(err)
		}
		if err := vm.ReplacePage(k, vma, at(1), old, copied); err != sim.EAGAIN {
			t.Errorf("a page that is mapped no more was replaced: %v", err)
		}
		pagecache.PageCacheRelease(k, old)
		pagecache.PageCacheRelease(k, copied)

		again, _, err := vm.GetUserPage(k, mm, at(1), true)
		if again != copied || err != nil {
			t.Errorf("to be written: %v, %v", again, err)
		}
		k.UpWrite(&mm.MmapSem)
		pagecache.PageCacheRelease(k, again)

		child, err := vm.DupMM(k, mm, "child")
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range []struct {
			mm   *vm.MM
			addr uint64
			want byte
		}{{mm, at(1) + 5, 0xcc}, {mm, at(4) + 5, fileByte(page + 5)}, {child, at(1) + 5, 0xcc}, {child, at(4) + 5, fileByte(page + 5)}} {
			b := []byte{0}
			if err := vm.CopyFromUser(k, x.mm, x.addr, b); err != nil || b[0] != x.want {
				t.Errorf("%s has %#x at %#x, %v; want %#x", x.mm.Name, b[0], x.addr, err, x.want)
			}
		}
		if err := vm.DoPageFault(k, mm, at(1), vm.FaultWrite); err == nil {
			t.Error("the program can write to its text")
		}
		if v := vm.CheckQuiet(mm, child); v != nil {
			k.Fail(v)
		}
		vm.MMPut(k, child)
	})
	if o.Violation != nil {
		t.Fatal(o.Violation.Report)
	}
}

// TestGetUserPageForWriting checks that a debugger that writes to the text of a
// program gets a copy of the program's own, and of what is shared none.
func TestGetUserPageForWriting(t *testing.T) {
	o := run(t, func(k *sim.K, mm *vm.MM, inode *pagecache.Inode) {
		l := &calls{t, k, mm, inode}
		l.mmap(0, 1, vm.ProtRead|vm.ProtExec, private, 0)
		l.mmap(1, 1, vm.ProtRead, vm.MapShared, 0)
		l.mmap(2, 1, vm.ProtNone, anon)
		k.DownRead(&mm.MmapSem)
		defer k.UpRead(&mm.MmapSem)
		for _, c := range []struct {
			at    uint64
			write bool
			want  string
		}{
			{0, false, "file:0 <nil>"}, {0, true, "anon:1024 <nil>"}, {0, false, "anon:1024 <nil>"},
			{1, false, "file:0 <nil>"}, {1, true, "none SIGSEGV, code 2, at 0x401000"},
			{2, true, "anon:1026 <nil>"}, {3, false, "none SIGSEGV, code 1, at 0x403000"},
		} {
			p, _, err := vm.GetUserPage(k, mm, at(c.at), c.write)
			got := fmt.Sprint("none ", err)
			if p != nil {
				got = fmt.Sprint(p, " ", err)
				pagecache.PageCacheRelease(k, p)
			}
			if got != c.want {
				t.Errorf("page %d, write %t: %s, want %s", c.at, c.write, got, c.want)
			}
		}
		if p := vm.FollowPage(k, mm, at(0)); p == nil || p.String() != "anon:1024" {
			t.Errorf("mapped: %v", p)
		} else {
			pagecache.PageCacheRelease(k, p)
		}
	})
	if o.Violation != nil {
		t.Fatal(o.Violation.Report)
	}
}

func TestUserCopies(t *testing.T) {
	o := run(t, func(k *sim.K, mm *vm.MM, inode *pagecache.Inode) {
		l := &calls{t, k, mm, inode}
		l.mmap(0, 3, rw, anon)
		l.mmap(3, 1, vm.ProtRead, anon)
		text := bytes.Repeat([]byte("trapline"), page/4) // two pages
		l.want(vm.CopyToUser(k, mm, at(0)+100, text), nil)
		got := make([]byte, len(text))
		l.want(vm.CopyFromUser(k, mm, at(0)+100, got), nil)
		if !bytes.Equal(got, text) {
			t.Error("what was copied to the program does not come back")
		}
		l.want(vm.CopyToUser(k, mm, at(2), make([]byte, page+1)), sim.EFAULT)
		l.want(vm.CopyFromUser(k, mm, at(3), make([]byte, page+1)), sim.EFAULT)
		l.want(vm.CopyFromUser(k, mm, ^uint64(0)-3, make([]byte, 8)), sim.EFAULT)
		l.want(vm.CopyFromUser(k, mm, vm.TaskSize-1, make([]byte, 2)), sim.EFAULT)
		l.want(vm.CopyToUser(k, mm, at(9), nil), nil)
		l.want(vm.CopyToUser(k, mm, at(1)-3, []byte("path\x00")), nil)
		for _, c := range []struct {
			addr  uint64
			count int
			want  string
		}{{at(1) - 3, 100, "path"}, {at(1) - 3, 2, "pa"}, {at(1) - 3, 4, "path"}, {at(4) - 1, 9, ""}} {
			s, err := vm.StrncpyFromUser(k, mm, c.addr, c.count)
			if string(s) != c.want || err != nil {
				t.Errorf("%q, %v; want %q", s, err, c.want)
			}
		}
		_, err := vm.StrncpyFromUser(k, mm, at(9), 5)
		l.want(err, sim.EFAULT)
	})
	if o.Violation != nil {
		t.Fatal(o.Violation.Report)
	}
}

// listener notes what uprobes is told.
type listener struct{ heard []string }

func (l *listener) note(format string, args ...any) {
	l.heard = append(l.heard, fmt.Sprintf(format, args...))
}

func (l *listener) Mmap(_ *sim.K, vma *vm.VMA) error {
	l.note("mmap %d-%d", (vma.Start-base)/page, (vma.End-base)/page)
	return nil
}

func (l *listener) Munmap(_ *sim.K, _ *vm.VMA, start, end uint64) {
	l.note("munmap %d-%d", (start-base)/page, (end-base)/page)
}
func (l *listener) StartDupMmap(*sim.K)                  { l.note("start") }
func (l *listener) EndDupMmap(*sim.K)                    { l.note("end") }
func (l *listener) DupMmap(_ *sim.K, _ *vm.MM, _ *vm.MM) { l.note("dup_mmap") }
func (l *listener) DupVMA(_ *sim.K, vma *vm.VMA) error {
	l.note("dup %d-%d", (vma.Start-base)/page, (vma.End-base)/page)
	return nil
}
func (l *listener) ClearState(*sim.K, *vm.MM) { l.note("clear") }

// TestHooks checks when uprobes is called, and that anonymous memory is not its
// affair.
func TestHooks(t *testing.T) {
	l := &listener{}
	o := run(t, func(k *sim.K, mm *vm.MM, inode *pagecache.Inode) {
		mm.Hooks = l
		c := &calls{t, k, mm, inode}
		hears := func(want ...string) {
			t.Helper()
			if !slices.Equal(l.heard, want) {
				t.Errorf("heard %q, want %q", l.heard, want)
			}
			l.heard = nil
		}
		c.mmap(0, 4, vm.ProtRead, private, 0)
		c.mmap(6, 1, rw, anon)
		hears("mmap 0-4")
		c.want(vm.DoMunmap(k, mm, at(1), page), nil)
		hears("munmap 0-4", "mmap 0-1", "mmap 1-4", "munmap 1-4", "mmap 1-2", "mmap 2-4", "munmap 1-2")
		c.mmap(1, 1, vm.ProtRead, private, 1)
		hears("munmap 0-1", "mmap 0-4", "munmap 2-4")
		child, err := vm.DupMM(k, mm, "child")
		c.want(err, nil)
		hears("start", "dup_mmap", "dup 0-4", "end")
		vm.MMGet(k, child)
		vm.MMPut(k, child)
		if !vm.MMGetNotZero(k, child) {
			t.Error("an address space in use has no users")
		}
		vm.MMPut(k, child)
		hears()
		vm.MMPut(k, child)
		hears("clear", "munmap 0-4")
		if vm.MMGetNotZero(k, child) {
			t.Error("an address space that is gone has users")
		}
	})
	if o.Violation != nil {
		t.Fatal(o.Violation.Report)
	}
}
