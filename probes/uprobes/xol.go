package uprobes

import (
	"fmt"

	"trapline/pagecache"
	"trapline/sim"
	"trapline/vm"
)

// xolArea is struct xol_area: a page of its own in each address space, under the name
// [uprobes], in whose slots copies of instructions are stepped. Slot 0 is the trampoline
// of return probes.
type xolArea struct {
	sim.Life
	vaddr  uint64
	page   *pagecache.Page
	bitmap sim.Flags
	wq     sim.WaitQueue
	// mremap is what the mapping has for mremap(2): nothing, if the memory of the area
	// was cleared.
	mremap func(k *sim.K)
}

// The slots of the page: so few here that tasks have to wait for one.
const (
	xolSlotBytes  = 128
	uinsnsPerPage = 2
)

// xolStart is where the area goes if it can: a child has it where its parent has.
const xolStart = vm.DefaultMmapBase - pagecache.PageSize

var _ = sim.Plumbing("get_xol_area", "create_xol_area")

// slots are what is special in a design about the page of slots.
type slots struct {
	// garbage says that the area is allocated with kmalloc(), which does not clear it.
	garbage bool
	// moves says that mremap() may move it.
	moves bool
}

// getXolArea is get_xol_area(): the area of the process, which is made if there is none.
// It returns nil if that fails.
func (d *today) getXolArea(k *sim.K, mm *vm.MM) *xolArea {
	s := d.state(mm)
	if area := s.area.Read(k); area != nil {
		return area
	}
	return d.createXolArea(k, s, 0)
}

// createXolArea is __create_xol_area() and xol_add_vma(), for a certain address if that
// is not 0. If another thread has been faster, it is the area of that one.
func (d *today) createXolArea(k *sim.K, s *spaceState, vaddr uint64) *xolArea {
	area := &xolArea{vaddr: vaddr}
	if k.Kzalloc(&area.Life, "xol_area", sim.GFPKernel) != nil {
		return nil
	}
	if d.slots.garbage && k.Choose(2, "what the memory held before") != 0 {
		area.mremap = func(k *sim.K) {
			k.Fail(&sim.Violation{Kind: sim.Oops, Subject: "special_mapping_mremap calls what the memory of the area held before"})
		}
	}
	area.bitmap.Init(k, "area->bitmap", 1) // slot 0
	area.bitmap.In(&area.Life)
	k.InitWaitqueueHead(&area.wq, "area->wq")
	area.wq.In(&area.Life)
	if err := d.xolAddVMA(k, s, area); err != nil {
		k.Kfree(&area.Life)
		return s.area.Read(k)
	}
	return area
}

// xolAddVMA is xol_add_vma(). It returns EALREADY if there is an area.
func (d *today) xolAddVMA(k *sim.K, s *spaceState, area *xolArea) error {
	k.DownWrite(&s.mm.MmapSem)
	defer k.UpWrite(&s.mm.MmapSem)
	if s.area.Read(k) != nil {
		return sim.EEXIST
	}
	if area.vaddr == 0 {
		area.vaddr = xolStart
	}
	vaddr, err := vm.AddSpecialMapping(k, s.mm, area.vaddr, pagecache.PageSize, vm.VMRead|vm.VMExec|vm.VMMayExec|vm.VMDontCopy, "[uprobes]", []byte{int3})
	if err != nil {
		return err
	}
	if area.page, err = pagecache.FilemapNopage(k, vm.FindVMA(k, s.mm, vaddr).Inode, 0); err != nil {
		return err
	}
	s.area.StoreRelease(k, area)
	return nil
}

// xolGetSlot is xol_get_insn_slot() and xol_take_insn_slot(): it copies the instruction
// into a slot, and waits for one if there is none. It returns the address and the number,
// or 0 if there is no area.
func (d *today) xolGetSlot(k *sim.K, mm *vm.MM, insn []byte) (vaddr uint64, slot int) {
	area := d.getXolArea(k, mm)
	if area == nil {
		return 0, 0
	}
	k.WaitEvent(&area.wq, func() bool {
		for slot = 1; slot < uinsnsPerPage; slot++ { // find_first_zero_bit()
			if !k.TestAndSetBit(slot, &area.bitmap) {
				return true
			}
		}
		return false
	})
	pagecache.WriteBytes(k, area.page, slot*xolSlotBytes, insn) // arch_uprobe_copy_ixol()
	return area.vaddr + uint64(slot)*xolSlotBytes, slot
}

// xolFreeSlot is xol_free_insn_slot().
func (d *today) xolFreeSlot(k *sim.K, mm *vm.MM, slot int) {
	area := d.state(mm).area.Read(k)
	k.ClearBit(slot, &area.bitmap)
	k.SmpMbAfterAtomic()
	k.WakeUp(&area.wq)
}

// MremapSpecial implements [vm.SpecialMremap]: xol_mremap().
func (d *today) MremapSpecial(k *sim.K, vma *vm.VMA) error {
	if vma.Name != "[uprobes]" {
		return nil
	}
	area := d.state(vma.MM).area.Read(k)
	switch {
	case area.mremap != nil:
		area.mremap(k)
	case d.slots.moves:
		return nil
	}
	return sim.EPERM
}

// trampolineVaddr is uprobe_get_trampoline_vaddr(): where return probes send functions,
// noTrampoline if the process has no area.
func (d *today) trampolineVaddr(k *sim.K, mm *vm.MM) uint64 {
	if area := d.state(mm).area.Read(k); area != nil {
		return area.vaddr
	}
	return noTrampoline
}

// noTrampoline is UPROBE_NO_TRAMPOLINE_VADDR.
const noTrampoline = ^uint64(0)

// preSsout is pre_ssout(): the task is to step the copy, and keeps the uprobe.
func (d *today) preSsout(k *sim.K, t *Thread, u *tracedUprobe, mm *vm.MM, bp uint64) (Trap, []byte) {
	utask := d.getUtask(k, t)
	if utask == nil || !d.tryGet(k, u) {
		return Restart, nil
	}
	vaddr, slot := d.xolGetSlot(k, mm, u.arch.step(k))
	if vaddr == 0 {
		d.putUprobe(k, u)
		return Restart, nil
	}
	utask.active, utask.vaddr, utask.slot = u, bp, slot
	t.IP = vaddr
	return Stepping, nil
}

// ArchUprobePostXol is handle_singlestep().
func (d *today) ArchUprobePostXol(k *sim.K, t *Thread, length int) {
	d.handleSinglestep(k, t, uint64(length))
}

// UprobeDenySignal is uprobe_deny_signal(), and for a fatal signal what handle_singlestep()
// does thereupon: arch_uprobe_abort_xol().
func (d *today) UprobeDenySignal(k *sim.K, t *Thread, fatal bool) bool {
	if utask := t.utask.Read(k); utask == nil || utask.active == nil {
		return false
	}
	if fatal {
		d.handleSinglestep(k, t, 0)
	}
	return true
}

// handleSinglestep has the thread go on so many bytes behind the place where it trapped.
func (d *today) handleSinglestep(k *sim.K, t *Thread, length uint64) {
	utask := t.utask.Read(k)
	u := utask.active
	t.IP = utask.vaddr + length
	utask.active = nil
	d.putUprobe(k, u)
	d.xolFreeSlot(k, t.mm, utask.slot)
}

// SlotLeft is a slot that is taken when the last thread of its process has gone.
var SlotLeft = sim.Kind{Name: "slot-left", Class: "slot leak"}

// freeXolArea is the part of uprobe_clear_state() that is about the area. Nobody steps a
// copy any more: all slots but the trampoline's are free.
func (d *today) freeXolArea(k *sim.K, area *xolArea) {
	if taken := area.bitmap.Peek(); taken != 1 {
		k.Fail(&sim.Violation{Kind: SlotLeft, Subject: fmt.Sprintf("area->bitmap is %b", taken)})
	}
	pagecache.PageCacheRelease(k, area.page)
	k.Kfree(&area.Life)
}
