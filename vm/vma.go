package vm

import (
	"trapline/pagecache"
	"trapline/sim"
)

// VMFlags is vm_flags. Every area may be read and executed.
type VMFlags uint8

const (
	// VMWrite is VM_WRITE: the area may be written to.
	VMWrite VMFlags = 1 << iota
	// VMShared is VM_SHARED: writes go to the file; without it the first write
	// to a page makes a private copy of the page.
	VMShared
)

// VMA is struct vm_area_struct: a range of addresses that maps a file. Start,
// End and Pgoff change only under mm->mmap_sem for writing together with
// mapping->i_mmap_lock, so either lock is enough to read them.
type VMA struct {
	// MM is vm_mm.
	MM *MM
	// Start and End are vm_start and vm_end: the first address, and the first
	// one after the area. Both are multiples of the page size.
	Start, End uint64
	// Pgoff is vm_pgoff: the page of the file that is mapped at Start.
	Pgoff uint64
	// Inode is the file, vm_file.
	Inode *pagecache.Inode
	// Flags never change.
	Flags VMFlags

	life sim.Life
	data sim.Data
}

// allocVMA allocates an area, or returns ENOMEM.
func allocVMA(k *sim.K, mm *MM, start, end, pgoff uint64, inode *pagecache.Inode, flags VMFlags) (*VMA, error) {
	vma := &VMA{MM: mm, Start: start, End: end, Pgoff: pgoff, Inode: inode, Flags: flags}
	if err := k.Kzalloc(&vma.life, "vm_area_struct", sim.GFPKernel); err != nil {
		return nil, err
	}
	vma.data.Init(k, "vm_area_struct")
	vma.data.In(&vma.life)
	return vma, nil
}

// VMAAddress is vma_address(): where the area maps the page of its file at
// index, if it does. The caller holds mm->mmap_sem or mapping->i_mmap_lock.
func VMAAddress(k *sim.K, vma *VMA, index uint64) (addr uint64, ok bool) {
	vma.data.Read(k)
	return vma.address(index)
}

func (vma *VMA) address(index uint64) (addr uint64, ok bool) {
	if index < vma.Pgoff || index-vma.Pgoff >= (vma.End-vma.Start)>>pageShift {
		return 0, false
	}
	return vma.Start + (index-vma.Pgoff)<<pageShift, true
}

// index is linear_page_index(): the page of the file that is mapped at addr.
func (vma *VMA) index(addr uint64) uint64 { return (addr-vma.Start)>>pageShift + vma.Pgoff }

// Mappings are the areas that map the file, in the order in which they came. The
// caller holds mapping->i_mmap_lock, and uses them no longer than that.
func Mappings(k *sim.K, mapping *pagecache.Mapping) []*VMA {
	mappers := mapping.Mappers(k)
	vmas := make([]*VMA, len(mappers))
	for i, m := range mappers {
		vmas[i] = m.(*VMA)
	}
	return vmas
}
