package vm_test

import (
	"slices"
	"testing"

	"trapline/pagecache"
	"trapline/sim"
	"trapline/sim/explore"
	"trapline/vm"
)

// retryWorld is a file whose one read ends only when its area has been unmapped, and
// a thread that faults there.
func retryWorld(ends map[string]int, flags vm.FaultFlags) sim.Program {
	return program(ends, func(w *world) {
		var reading *pagecache.Page
		var begun sim.Completion
		w.k.InitCompletion(&begun, "begun")
		slow := &pagecache.AOps{Name: "slow_aops", Readpage: func(k *sim.K, _ *pagecache.Inode, page *pagecache.Page) error {
			reading = page
			k.Complete(&begun)
			return nil
		}}
		file := pagecache.NewInode(w.k, "slow", fileContent, pagecache.Ramfs)
		file.Mapping.AOps.Write(w.k, slow)
		mm := w.space(vm.MmapArgs{Addr: base, Length: page, Prot: rw, Flags: private | fixed, File: file})
		w.m.Go("reader", func(k *sim.K) { w.says("reader %v", vm.DoPageFault(k, mm, base, flags)) })
		w.m.Go("munmap", func(k *sim.K) {
			k.WaitForCompletion(&begun)
			w.says("munmap %v", vm.DoMunmap(k, mm, base, page))
			pagecache.SubmitRead(k, file, reading, pagecache.MpageEndIORead)
		})
		w.m.After(func(k *sim.K) { pagecache.Evict(k, file) })
	})
}

// TestFaultIsRetried checks that the areas can change while a fault waits for a page,
// and that the fault then goes by what there is.
func TestFaultIsRetried(t *testing.T) {
	ends := map[string]int{}
	explore.Check(t, retryWorld(ends, vm.FaultAllowRetry), explore.Options{SelfCheck: true})
	var got []string
	for end := range ends {
		got = append(got, end)
	}
	if want := []string{"munmap <nil> reader SIGSEGV, code 1, at 0x400000"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	// Without a retry the two wait for each other.
	explore.Expect(t, retryWorld(map[string]int{}, 0), "INFO: task hung in filemap_nopage")
}

// TestAccessAcrossPages checks an operand that lies in two pages, in both ways of
// executing, and a fault of the second page.
func TestAccessAcrossPages(t *testing.T) {
	for _, watched := range []bool{false, true} {
		o := run(t, func(k *sim.K, _ *vm.MM, _ *pagecache.Inode) {
			code := newCode(k)
			mm := vm.MMAlloc(k, "mm")
			mm.Watched = watched
			u := newUser(k, mm, code)
			l := &calls{t, k, mm, nil}
			l.mmap(0, 2, rw, anon)
			l.want(vm.CopyToUser(k, mm, at(1)-4, []byte{1, 2, 3, 4, 5, 6, 7, 8}), nil)
			if v, err := u.execute(k, insnWide, at(1)-4, 0); v != 0x0807060504030201 || err != nil {
				t.Errorf("loaded %#x, %v", v, err)
			}
			l.want(vm.DoMunmap(k, mm, at(1), page), nil)
			if _, err := u.execute(k, insnWide, at(1)-4, 0); err == nil || err.Error() != "SIGSEGV, code 1, at 0x401000" {
				t.Errorf("the second page is not there: %v", err)
			}
			u.cpu.SwitchMM(k, nil)
			vm.MMPut(k, mm)
			pagecache.Evict(k, code)
		})
		if o.Violation != nil {
			t.Fatal(o.Violation.Report)
		}
	}
}

// TestPageMkclean checks that a page of a file that was made clean becomes dirty
// again by the next write through a TLB that had the right to write.
func TestPageMkclean(t *testing.T) {
	for _, watched := range []bool{false, true} {
		o := run(t, func(k *sim.K, _ *vm.MM, inode *pagecache.Inode) {
			code := newCode(k)
			mm := vm.MMAlloc(k, "mm")
			mm.Watched = watched
			u := newUser(k, mm, code)
			l := &calls{t, k, mm, inode}
			l.mmap(0, 1, rw, vm.MapShared, 0)
			l.want(u.store(k, at(0), 1), nil)
			p := pagecache.FindGetPage(k, inode.Mapping, 0)
			clean := func() (cleaned bool) {
				k.SpinLock(&inode.Mapping.IMmapLock)
				defer k.SpinUnlock(&inode.Mapping.IMmapLock)
				for _, vma := range vm.Mappings(k, inode.Mapping) {
					cleaned = vma.PageMkcleanOne(k, p) || cleaned
				}
				return cleaned
			}
			if !pagecache.PageDirty(k, p) || !clean() || clean() {
				t.Error("a page that was written to is not dirty, or cannot be made clean")
			}
			l.want(u.store(k, at(0), 2), nil)
			if b, _ := vm.Peek(mm, at(0)); b != 2 || !clean() {
				t.Error("the write after that went past the page table")
			}
			pagecache.PageCacheRelease(k, p)
			u.cpu.SwitchMM(k, nil)
			vm.MMPut(k, mm)
			pagecache.Evict(k, code)
		})
		if o.Violation != nil {
			t.Fatal(o.Violation.Report)
		}
	}
}
