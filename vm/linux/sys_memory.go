package linux

import (
	"trapline/sim"
	"trapline/vm"
	"trapline/vm/x86"
)

// memoryCalls are the system calls on address spaces.
func memoryCalls() map[uint64]call {
	return map[uint64]call{
		9:   {"mmap", sysMmap},
		10:  {"mprotect", sysMprotect},
		11:  {"munmap", sysMunmap},
		12:  {"brk", sysBrk},
		25:  {"mremap", sysMremap},
		26:  {"msync", sysNothing},
		27:  {"mincore", sysMincore},
		28:  {"madvise", sysMadvise},
		149: {"mlock", sysNothing},
		150: {"munlock", sysNothing},
		151: {"mlockall", sysNothing},
		152: {"munlockall", sysNothing},
		324: {"membarrier", sysMembarrier},
	}
}

func sysMmap(t *Thread, a args) (uint64, error) {
	if a[5]%x86.PageSize != 0 {
		return 0, sim.EINVAL
	}
	m := vm.MmapArgs{Addr: a[0], Length: a[1], Prot: vm.Prot(a[2] & 7), Flags: vm.MapFlags(a[3]), Pgoff: a[5] / x86.PageSize}
	if m.Flags&vm.MapAnonymous == 0 {
		f, err := t.file(a[4])
		if err != nil {
			return 0, err
		}
		switch _, ok := f.ops.(*regular); {
		case !ok && isZero(f):
			m.Flags |= vm.MapAnonymous
			m.Pgoff = 0
		case !ok:
			return 0, eNODEV
		case !f.readable(), a[3]&1 != 0 && a[2]&2 != 0 && !f.writable():
			return 0, eACCES
		default:
			m.File = t.inodeOf(f.node)
			m.ReadOnly = !f.writable()
		}
	}
	return vm.Mmap(t.k, t.space.mm, m)
}

// isZero says that the file is /dev/zero, which maps like anonymous memory.
func isZero(f *file) bool {
	_, ok := f.ops.(devZero)
	return ok
}

func sysMprotect(t *Thread, a args) (uint64, error) {
	return 0, vm.Mprotect(t.k, t.space.mm, a[0], a[1], vm.Prot(a[2]&7))
}

func sysMunmap(t *Thread, a args) (uint64, error) {
	return 0, vm.DoMunmap(t.k, t.space.mm, a[0], a[1])
}

func sysBrk(t *Thread, a args) (uint64, error) { return vm.Brk(t.k, t.space.mm, a[0]), nil }

func sysMremap(t *Thread, a args) (uint64, error) {
	return vm.Mremap(t.k, t.space.mm, a[0], a[1], a[2], vm.MremapFlags(a[3]), a[4])
}

// sysMincore is mincore(addr, length, vec): whether pages are in memory. The page
// cache keeps what it has, so what is mapped is taken for present.
func sysMincore(t *Thread, a args) (uint64, error) {
	if a[0]%x86.PageSize != 0 {
		return 0, sim.EINVAL
	}
	pages := pageUp(a[1]) / x86.PageSize
	if pages > 1<<20 {
		return 0, sim.ENOMEM
	}
	vec := make([]byte, pages)
	for i := range vec {
		if !t.mapped(a[0] + uint64(i)*x86.PageSize) {
			return 0, sim.ENOMEM
		}
		vec[i] = 1
	}
	return 0, t.copyOut(a[2], vec)
}

// mapped says that there is an area at an address.
func (t *Thread) mapped(addr uint64) bool {
	mm := t.space.mm
	t.k.DownRead(&mm.MmapSem)
	defer t.k.UpRead(&mm.MmapSem)
	return vm.FindVMA(t.k, mm, addr) != nil
}

// The advice of madvise(2) that changes what a program sees.
const (
	madvDontneed = 4
	madvFree     = 8
)

func sysMadvise(t *Thread, a args) (uint64, error) {
	if a[0]%x86.PageSize != 0 {
		return 0, sim.EINVAL
	}
	switch a[2] {
	case madvDontneed:
		if a[1] == 0 {
			return 0, nil
		}
		return 0, vm.MadviseDontneed(t.k, t.space.mm, a[0], a[1])
	case 0, 1, 2, 3, madvFree, 12, 13, 14, 15, 16, 17, 20, 21, 24, 25:
		return 0, nil // it is a hint
	}
	return 0, sim.EINVAL
}

// sysMembarrier is membarrier(2): every slice of time ends with a barrier.
func sysMembarrier(_ *Thread, a args) (uint64, error) {
	if a[0] == 0 {
		return 0x3ff &^ 0x180, nil
	}
	return 0, nil
}
