package live

import (
	"trapline/probes/uprobes/insn"
	"trapline/sim"
	"trapline/vm"
	"trapline/vm/linux"
)

// slots is UINSNS_PER_PAGE. Slot 0 is the trampoline of return probes.
const slots = pageSize / insn.SlotSize

// An xolArea is struct xol_area: the page where instructions are executed out of
// line.
type xolArea struct {
	addr   uint64 // 0 as long as there is none
	making bool
	used   [slots]bool
}

// getXOLArea is get_xol_area(): the page is made when it is first needed.
func (s *space) getXOLArea(t *linux.Thread) bool {
	if s.xol.addr != 0 {
		return true
	}
	t.WaitEvent(func() bool { return !s.xol.making })
	if s.xol.addr == 0 {
		s.createXOLArea(t.K(), 0)
	}
	return s.xol.addr != 0
}

// createXOLArea is __create_xol_area(): at an address, or where there is room.
func (s *space) createXOLArea(h *sim.K, addr uint64) {
	s.xol.making = true
	at, err := vm.InstallSpecialMapping(h, s.mm, addr, pageSize, vm.VMExec|vm.VMMayExec|vm.VMDontCopy|vm.VMDontExpand, "[uprobes]", insn.ReturnTrampoline)
	s.xol.making = false
	if err == nil {
		s.xol.addr, s.xol.used = at, [slots]bool{0: true}
	}
}

// takeSlot is xol_get_insn_slot(): it waits for a free slot and puts the
// instruction there.
func (s *space) takeSlot(t *linux.Thread, in *insn.Insn) (slot int, ok bool) {
	if !s.getXOLArea(t) {
		return 0, false
	}
	for slot = s.freeSlot(); slot == slots; slot = s.freeSlot() {
		t.WaitEvent(func() bool { return s.freeSlot() < slots })
	}
	s.xol.used[slot] = true
	// A program may have unmapped the page: then it faults there.
	_ = vm.WriteSpecialMapping(t.K(), s.mm, s.xol.addr, slot*insn.SlotSize, in.Slot[:])
	return slot, true
}

func (s *space) freeSlot() int {
	for i, used := range s.xol.used {
		if !used {
			return i
		}
	}
	return slots
}
