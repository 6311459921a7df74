package vm_test

import (
	"testing"

	"trapline/pagecache"
	"trapline/sim"
	"trapline/vm"
)

// TestMergedAreaKeepsItsPages checks that khugepaged leaves an area alone that has
// become one with another which has pages of the program's own.
func TestMergedAreaKeepsItsPages(t *testing.T) {
	o := run(t, func(k *sim.K, _ *vm.MM, inode *pagecache.Inode) {
		mm := vm.MMAlloc(k, "mm")
		c := &calls{t, k, mm, inode}
		c.mmap(0, 1, vm.ProtRead, private, 0)
		c.mmap(1, 1, rw, private, 1)
		k.DownRead(&mm.MmapSem)
		vm.AnonVMAPrepare(k, mm, at(1))
		k.UpRead(&mm.MmapSem)
		c.want(vm.CopyToUser(k, mm, at(1), []byte{0xcc}), nil)
		c.want(vm.Mprotect(k, mm, at(1), page, vm.ProtRead), nil)
		if got := c.layout(); got != "0-2 r--p file:0" {
			t.Errorf("the areas are %s", got)
		}
		vm.Khugepaged{}.RetractPageTables(k, inode.Mapping)
		b := []byte{0}
		if err := vm.CopyFromUser(k, mm, at(1), b); err != nil || b[0] != 0xcc {
			t.Errorf("the program's own page holds %#x, %v", b[0], err)
		}
		vm.MMPut(k, mm)
	})
	if o.Violation != nil {
		t.Fatal(o.Violation.Report)
	}
}
