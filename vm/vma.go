package vm

import (
	"trapline/pagecache"
	"trapline/sim"
)

// VMA is struct vm_area_struct: a range of addresses that maps a file or
// anonymous memory. Start, End and Pgoff change only under mm->mmap_sem for
// writing together with mapping->i_mmap_lock, so either lock is enough to read
// them. Flags change under mm->mmap_sem for writing.
type VMA struct {
	// MM is vm_mm.
	MM *MM
	// Start and End are vm_start and vm_end: the first address, and the first
	// one after the area. Both are multiples of the page size.
	Start, End uint64
	// Pgoff is vm_pgoff: the page of the file that is mapped at Start. For private
	// anonymous memory it is the number of the page in the address space at which
	// the area was first mapped.
	Pgoff uint64
	// Inode is the file, vm_file; nil for private anonymous memory. Shared
	// anonymous memory is a file that only the areas know.
	Inode *pagecache.Inode
	// Flags is vm_flags.
	Flags VMFlags
	// Name is that of a special mapping, such as "[uprobes]"; empty for all others.
	Name string

	shmem bool // Inode belongs to the areas that map it
	anon  bool // vma->anon_vma is set; changed within steps on pgd
	life  sim.Life
	data  sim.Data
}

// allocVMA allocates an area that is like another but for its place, or returns
// ENOMEM.
func allocVMA(k *sim.K, like VMA, start, end, pgoff uint64) (*VMA, error) {
	vma := &VMA{MM: like.MM, Start: start, End: end, Pgoff: pgoff, Inode: like.Inode, Flags: like.Flags, Name: like.Name, shmem: like.shmem, anon: like.anon}
	if err := k.Kzalloc(&vma.life, "vm_area_struct", sim.GFPKernel); err != nil {
		return nil, err
	}
	vma.data.Init(k, "vm_area_struct")
	vma.data.In(&vma.life)
	return vma, nil
}

// Life is the memory of the area, for what a design adds to it.
func (vma *VMA) Life() *sim.Life { return &vma.life }

// getFile is get_file() of vm_file for an area that is to be like vma.
func (vma *VMA) getFile(k *sim.K) error {
	if vma.Inode != nil && vma.Flags.writesFile() {
		return vma.Inode.GetWriteAccess(k)
	}
	return nil
}

// putFile is fput() of vm_file.
func (vma *VMA) putFile(k *sim.K) {
	if vma.Inode != nil && vma.Flags.writesFile() {
		vma.Inode.PutWriteAccess(k)
	}
}

// VMAAddress is vma_address(): where the area maps the page of its file at
// index, if it does. The caller holds mm->mmap_sem or mapping->i_mmap_lock.
func VMAAddress(k *sim.K, vma *VMA, index uint64) (addr uint64, ok bool) {
	vma.data.Read(k)
	return vma.address(index)
}

func (vma *VMA) address(index uint64) (addr uint64, ok bool) {
	if index < vma.Pgoff || index-vma.Pgoff >= vma.pages() {
		return 0, false
	}
	return vma.Start + (index-vma.Pgoff)<<pageShift, true
}

// pages is vma_pages().
func (vma *VMA) pages() uint64 { return (vma.End - vma.Start) >> pageShift }

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
