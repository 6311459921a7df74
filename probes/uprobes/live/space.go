package live

import (
	"slices"

	"trapline/probes/uprobes/insn"
	"trapline/sim"
	"trapline/vm"
)

// A space is what an address space has of uprobes, struct uprobes_state.
type space struct {
	mm          *vm.MM
	machine     *sim.Machine
	run         int
	has         bool              // MMF_HAS_UPROBES
	delayed     []*uprobe         // whose reference counter is not mapped yet
	placed      map[uint64]placed // of a kernel that probes what is in memory
	xol         xolArea
	trampolines []uint64
}

// placed is an instruction as it was in memory when the probe was put on it.
type placed struct {
	insn *insn.Insn
	text [insn.TextSize]byte
}

// space is the state of an address space, made when it is first asked for.
func (k *Kernel) space(h *sim.K, mm *vm.MM) *space {
	if s := k.byMM[mm]; s != nil {
		return s
	}
	s := &space{mm: mm, machine: h.Machine(), run: k.run, placed: map[uint64]placed{}}
	k.byMM[mm] = s
	k.spaces = append(k.spaces, s)
	return s
}

// drop forgets an address space: uprobe_clear_state().
func (k *Kernel) drop(mm *vm.MM) {
	delete(k.byMM, mm)
	k.spaces = slices.DeleteFunc(k.spaces, func(s *space) bool { return s.mm == mm })
}

// forget drops what a run has left.
func (k *Kernel) forget(run int) {
	for _, s := range slices.Clone(k.spaces) {
		if s.run == run {
			k.drop(s.mm)
		}
	}
}

// The hooks of address spaces.
type memoryHooks struct{ *Kernel }

// Mmap is uprobe_mmap().
func (k memoryHooks) Mmap(h *sim.K, vma *vm.VMA) error {
	if vma.Name != "" {
		return nil
	}
	s := k.space(h, vma.MM)
	if s.has && vma.Flags&(vm.VMWrite|vm.VMShared) == vm.VMWrite {
		k.delayedRefCtrInc(h, s, vma)
	}
	if !validVMA(vma, true) {
		return nil
	}
	for _, u := range slices.Clone(k.uprobes) {
		if addr, ok := u.in(vma); ok && len(u.consumers) > 0 {
			_ = k.install(h, s, vma, u, addr) // nobody is told
		}
	}
	return nil
}

// Munmap is uprobe_munmap(), which only notes that there may be none left.
func (k memoryHooks) Munmap(*sim.K, *vm.VMA, uint64, uint64) {}

// StartDupMmap is uprobe_start_dup_mmap().
func (k memoryHooks) StartDupMmap(*sim.K) {}

// EndDupMmap is uprobe_end_dup_mmap().
func (k memoryHooks) EndDupMmap(*sim.K) {}

// DupMmap is uprobe_dup_mmap(): the child gets the breakpoints with the pages.
func (k memoryHooks) DupMmap(h *sim.K, oldmm, mm *vm.MM) {
	old, s := k.space(h, oldmm), k.space(h, mm)
	s.has = old.has
	for _, u := range k.uprobes {
		for _, vma := range vm.Areas(h, oldmm) {
			if addr, ok := u.in(vma); ok {
				if p, ok := old.placed[addr]; ok {
					s.placed[addr] = p
				}
			}
		}
	}
}

// DupVMA does nothing since v3.8.
func (k memoryHooks) DupVMA(*sim.K, *vm.VMA) error { return nil }

// ClearState is uprobe_clear_state().
func (k memoryHooks) ClearState(_ *sim.K, mm *vm.MM) { k.drop(mm) }

// validVMA is valid_vma().
func validVMA(vma *vm.VMA, register bool) bool {
	mask := vm.VMMayExec | vm.VMMayShare
	if register {
		mask |= vm.VMWrite
	}
	return vma.Inode != nil && vma.Name == "" && vma.Flags&mask == vm.VMMayExec
}
