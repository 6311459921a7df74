package vm

import "trapline/sim"

// Region is a line of /proc/PID/maps.
type Region struct {
	// Start and End are addresses, Offset is where in the file it begins, in
	// bytes; 0 for private anonymous memory.
	Start, End, Offset uint64
	Flags              VMFlags
	// Name is that of the file, "[heap]", "[stack]", or empty.
	Name string
}

// Maps are the areas of an address space by address, as /proc/PID/maps shows them.
// It takes mm->mmap_sem for reading.
func Maps(k *sim.K, mm *MM) []Region {
	k.DownRead(&mm.MmapSem)
	defer k.UpRead(&mm.MmapSem)
	mm.mmapData.Read(k)
	var regions []Region
	mm.mmap.Ascend(func(vma *VMA) bool {
		r := Region{Start: vma.Start, End: vma.End, Flags: vma.Flags}
		switch {
		case vma.Name != "":
			r.Name = vma.Name // whose file is the kernel's
		case vma.Inode != nil:
			r.Offset, r.Name = vma.Pgoff<<pageShift, vma.Inode.Name
		case vma.Start < mm.brk && vma.End > mm.StartBrk:
			r.Name = "[heap]"
		case vma.Flags&VMGrowsDown != 0:
			r.Name = "[stack]"
		}
		regions = append(regions, r)
		return true
	})
	return regions
}
