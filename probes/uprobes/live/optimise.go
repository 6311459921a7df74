package live

import (
	"encoding/binary"

	"trapline/probes/uprobes/insn"
	"trapline/sim"
	"trapline/vm"
	"trapline/vm/linux"
	"trapline/vm/x86"
)

// optimise is arch_uprobe_optimize(): it replaces the int3 on a nop of five bytes by
// a call of a trampoline, which makes a system call.
func (k *Kernel) optimise(t *linux.Thread, u *uprobe, addr uint64) {
	if u.far {
		return
	}
	h, s := t.K(), k.space(t.K(), t.MM())
	trampoline, ok := s.trampolineFor(h, addr)
	if !ok {
		u.far = true
		return
	}
	text, _ := insn.CallTo(addr, trampoline)
	h.DownWrite(&s.mm.MmapSem)
	defer h.UpWrite(&s.mm.MmapSem)
	_ = writeText(h, s.mm, addr, text[:], func(old []byte) (bool, error) { return old[0] == breakpoint, nil })
}

// trampolineFor is get_uprobe_trampoline(): one of the address space that a call
// reaches, or a new one.
func (s *space) trampolineFor(h *sim.K, addr uint64) (uint64, bool) {
	for _, at := range s.trampolines {
		if _, ok := insn.CallTo(addr, at); ok {
			return at, true
		}
	}
	at, ok := insn.PlaceTrampoline(addr, vm.Gaps{K: h, MM: s.mm})
	if !ok {
		return 0, false
	}
	flags := vm.VMRead | vm.VMExec | vm.VMMayRead | vm.VMMayExec | vm.VMDontCopy | vm.VMDontExpand
	code := append(append([]byte{}, insn.Trampoline...), breakpoint)
	if _, err := vm.InstallSpecialMapping(h, s.mm, at, pageSize, flags, "[uprobes-trampoline]", code); err != nil {
		return 0, false
	}
	s.trampolines = append(s.trampolines, at)
	return at, true
}

// calls is is_optimized(): the text is a call of a trampoline. The caller holds
// mm->mmap_sem.
func (s *space) calls(h *sim.K, addr uint64) bool {
	var text [insn.CallLen]byte
	if readText(h, s.mm, addr, text[:]) != nil || text[0] != 0xe8 {
		return false
	}
	at := addr + insn.CallLen + uint64(int64(int32(binary.LittleEndian.Uint32(text[1:]))))
	for _, tr := range s.trampolines {
		if tr == at {
			return true
		}
	}
	return false
}

// enxio is what a system call returns for ENXIO, 6.
const enxio = ^uint64(6) + 1

// sysUprobe is the system call uprobe, which the trampoline makes: an optimised
// probe has been hit. It is ENXIO from anywhere else.
func (k *Kernel) sysUprobe(t *linux.Thread) uint64 {
	s := t.CPU().State()
	in := false
	for _, at := range k.space(t.K(), t.MM()).trampolines {
		in = in || s.RIP-at < pageSize
	}
	if !in {
		return enxio
	}
	mem := memory{t.K(), t.MM()}
	f, ok := insn.EnterTrampoline(&s, mem)
	if !ok {
		return sigill(t)
	}
	if u, _ := k.find(t.K(), t.MM(), s.RIP); u != nil {
		k.handlers(t, u, &s)
	}
	if !f.Leave(&s, mem) {
		return sigill(t)
	}
	t.CPU().SetState(s)
	return s.R[x86.RAX]
}
