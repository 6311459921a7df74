package vm_test

import (
	"testing"

	"trapline/pagecache"
	"trapline/sim"
	"trapline/vm"
)

// TestMlock locks ranges in memory, and refuses what is none.
func TestMlock(t *testing.T) {
	o := run(t, func(k *sim.K, mm *vm.MM, inode *pagecache.Inode) {
		c := &calls{t, k, mm, inode}
		c.mmap(0, 3, vm.ProtRead|vm.ProtExec, private, 0)
		c.want(vm.Mlock(k, mm, at(1), page), nil)
		c.want(vm.Mlock(k, mm, at(1)+1, page), sim.EINVAL)
		c.want(vm.Mlock(k, mm, at(2), 2*page), sim.ENOMEM)
		k.DownRead(&mm.MmapSem)
		for i, want := range []bool{false, true, true} {
			if got := vm.FindVMA(k, mm, at(uint64(i))).Flags&vm.VMLocked != 0; got != want {
				t.Errorf("page %d is locked: %v", i, got)
			}
		}
		k.UpRead(&mm.MmapSem)
	})
	if o.Violation != nil {
		t.Fatal(o.Violation.Report)
	}
}

// everyMunlock are hooks of a kernel that asks nothing before it munlocks.
type everyMunlock struct{ vm.NoHooks }

func (everyMunlock) MunlocksEvery() {}

// TestMunlockOfCompoundPages replaces the parts of a compound page in an area that is
// locked in memory. Only a kernel that asks nothing comes to grief, and only with another
// part than the first.
func TestMunlockOfCompoundPages(t *testing.T) {
	for _, c := range []struct {
		name     string
		hooks    vm.Hooks
		compound bool
		replace  uint64
		title    string
	}{
		{"asked", vm.NoHooks{}, true, 1, ""},
		{"the first part", everyMunlock{}, true, 0, ""},
		{"no compound page", everyMunlock{}, false, 1, ""},
		{"another part", everyMunlock{}, true, 1, "kernel BUG in munlock_vma_page"},
	} {
		t.Run(c.name, func(t *testing.T) {
			title := ""
			o := run(t, func(k *sim.K, mm *vm.MM, inode *pagecache.Inode) {
				mm.Hooks = c.hooks
				l := &calls{t, k, mm, inode}
				l.mmap(0, 2, vm.ProtRead|vm.ProtExec, private, 0)
				l.want(vm.Mlock(k, mm, at(0), 2*page), nil)
				if c.compound {
					pagecache.MakeCompound(k, inode, 0, 2)
				}
				k.DownWrite(&mm.MmapSem)
				old, vma, err := vm.GetUserPage(k, mm, at(c.replace), false)
				if err != nil {
					t.Fatal(err)
				}
				copied := pagecache.AllocAnonPage(k, at(c.replace))
				l.want(vm.ReplacePage(k, vma, at(c.replace), old, copied), nil)
				pagecache.PageCacheRelease(k, copied)
				pagecache.PageCacheRelease(k, old)
				k.UpWrite(&mm.MmapSem)
			})
			if o.Violation != nil {
				title = o.Violation.Title
			}
			if title != c.title {
				t.Errorf("got %q, want %q", title, c.title)
			}
		})
	}
}
