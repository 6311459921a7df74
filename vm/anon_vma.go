package vm

import "trapline/sim"

var (
	opAnonVMAPrepare = sim.NewOp("anon_vma_prepare(%s)")
	opAnonVMA        = sim.NewOp("READ_ONCE(vma->anon_vma) of %s")
)

// AnonVMAPrepare is anon_vma_prepare(): the area at addr is about to get a page of the
// program's own, and needs an anon_vma to find it by. It looks at the next area for one to
// share. The caller holds mm->mmap_sem.
func AnonVMAPrepare(k *sim.K, mm *MM, addr uint64) {
	vma := FindVMA(k, mm, addr)
	if vma == nil {
		return
	}
	// find_mergeable_anon_vma()
	if mm.unstable && mm.vmaAbove(vma.Start+1) == nil {
		k.Fail(&sim.Violation{Kind: sim.Oops, Subject: "the next entry of the tree of areas is the mark that fork has left where it gave up"})
	}
	k.Step(opAnonVMAPrepare, &mm.pgd, sim.Write)
	vma.anon = true
}

// hasAnon is vma->anon_vma, as one looks at it without a lock.
func (vma *VMA) hasAnon(k *sim.K) bool {
	k.Step(opAnonVMA, &vma.MM.pgd, sim.Read)
	if vma.anon {
		k.Machine().Fold(1)
	}
	return vma.anon
}

// CheckStableAddressSpace is check_stable_address_space(): it returns EFAULT for what fork
// has given up half made. The caller holds mm->mmap_sem.
func CheckStableAddressSpace(k *sim.K, mm *MM) error {
	mm.mmapData.Read(k)
	if mm.unstable {
		return sim.EFAULT
	}
	return nil
}
