package uprobes

import (
	"errors"
	"fmt"

	"trapline/pagecache"
	"trapline/probes/uprobes/defects"
	"trapline/probes/uprobes/insn"
	"trapline/sim"
	"trapline/vm"
	"trapline/vm/x86"
)

// WrongState is a program that a probe has changed: its registers, its memory or
// its way through the text are not those that it has without one.
var WrongState = sim.Kind{Name: "wrong-state", Class: "BUG: program changed by a probe"}

// A Guest is a program whose instructions are executed: those from the probed one
// on, with a stack. Each fetch and each access to memory is a step, and goes through
// the page table and the TLB of a processor.
type Guest struct {
	w    *World
	mm   *vm.MM
	cpu  *vm.CPU
	slot slotCPU
	want *plainRun
	done int // instructions executed
}

// Where guests have their stack, and where copies of instructions are executed. The
// return address on the stack leads to where nothing is.
const (
	guestStack   = 0x7f0000000000
	guestSlot    = 0x7f1000000000
	guestReturns = 0x7f2000000000
)

// Guest sets a program up in mm, which must be new, to execute up to so many
// instructions: fewer where one leaves the text or needs the kernel.
func (w *World) Guest(mm *vm.MM, insns int) *Guest {
	mm.Watched = true
	_, err := vm.Mmap(w.K, mm, vm.MmapArgs{Addr: guestStack, Length: pagecache.PageSize, Prot: vm.ProtRead | vm.ProtWrite,
		Flags: vm.MapPrivate | vm.MapAnonymous | vm.MapFixed})
	must(w.K, err)
	g := &Guest{w: w, mm: mm, cpu: vm.NewCPU(w.K, "cpu of "+mm.Name), want: w.plain(insns)}
	must(w.K, vm.CopyToUser(w.K, mm, guestStack, g.want.stack(0)))
	g.slot = newSlotCPU(g.cpu)
	g.cpu.SwitchMM(w.K, mm)
	g.cpu.SetState(g.want.states[0])
	w.AtRest(func(k *sim.K) {
		stack := make([]byte, pagecache.PageSize)
		must(k, vm.CopyFromUser(k, mm, guestStack, stack))
		if want := g.want.stack(g.done); string(stack) != string(want) {
			g.changed(k, "its stack")
		}
	})
	return g
}

// Fetch has the text mapped, and its translation in the TLB. The text must be in
// memory or come there at once.
func (g *Guest) Fetch(k *sim.K) {
	must(k, vm.DoPageFault(k, g.mm, g.w.Image.Addr, vm.FaultAllowRetry))
}

// Run executes the program, and holds the design to its contract for the probe p.
func (g *Guest) Run(k *sim.K, p *Probe) {
	run := p.beginRun(k)
	if fault := g.execute(k); fault != nil {
		k.Fail(&sim.Violation{Kind: SpuriousFault, Subject: "page fault = " + fault.Error() + ", and the file and the device are in order"})
	}
	p.endRun(k, run)
}

// RunIfMapped executes the program unless it loses its text on the way: then it
// faults, and that is all.
func (g *Guest) RunIfMapped(k *sim.K) { _ = g.execute(k) }

// RunUntilCut executes the program unless its text is cut off on the way: then it gets
// SIGBUS, and no other signal.
func (g *Guest) RunUntilCut(k *sim.K) {
	if fault := g.execute(k); fault != nil && !errors.Is(fault, vm.ErrSigbus) {
		k.Fail(&sim.Violation{Kind: SpuriousFault, Subject: "page fault = " + fault.Error() + ", and the text is mapped"})
	}
}

// execute returns the fault that ends the program early.
func (g *Guest) execute(k *sim.K) error {
	for g.done < len(g.want.states)-1 {
		n, e := g.cpu.Run(k, 1)
		g.done += int(n)
		switch e.Kind {
		case x86.None:
		case x86.PageFault:
			if err := vm.DoPageFault(k, g.mm, e.Addr, vm.FaultFlagsOf(e.Code)); err != nil {
				g.compare(k)
				return err
			}
		case x86.Breakpoint:
			g.done-- // the int3 is no instruction of the program
			if err := g.breakpoint(k); err != nil {
				return err
			}
		default:
			g.changed(k, "it got "+e.String())
		}
		g.compare(k)
	}
	return nil
}

// breakpoint is do_int3(), and what the task does on its way back to the program.
func (g *Guest) breakpoint(k *sim.K) error {
	addr := g.cpu.RIP() - 1
	g.cpu.SetRIP(addr)
	text, stepped := g.w.doInt3(k, g.mm, addr)
	if !stepped {
		return nil
	}
	g.w.mustBeOriginal(k, WrongOriginal, text)
	in, err := insn.Analyse(text, addr, defects.Fixed)
	if err != nil { // later kernels refuse such an instruction; these designs step it as it is
		in = &insn.Insn{Length: len(g.w.Image.Insn), Fixups: insn.FixIP}
		copy(in.Slot[:], text)
	}
	s := g.cpu.State()
	if in.Emulate(&s, userMemory{k, g.mm}) {
		g.cpu.SetState(s)
		g.done++
		return nil
	}
	return g.step(k, in, s)
}

// step executes a copy of an instruction out of line.
func (g *Guest) step(k *sim.K, in *insn.Insn, s x86.State) error {
	st := in.PreXOL(&s, s.RIP, guestSlot)
	copy(g.slot.text[:], in.Slot[:])
	g.slot.frame.Changed(0, len(in.Slot))
	for {
		g.slot.SetState(s)
		_, e := g.slot.Run(1)
		s = g.slot.State()
		switch e.Kind {
		case x86.Debug:
			st.Post(&s, userMemory{k, g.mm})
			g.cpu.SetState(s)
			g.done++
			return nil
		case x86.PageFault:
			err := vm.DoPageFault(k, g.mm, e.Addr, vm.FaultFlagsOf(e.Code))
			if err == nil {
				continue
			}
			st.Abort(&s)
			g.cpu.SetState(s)
			g.compare(k)
			return err
		default:
			g.changed(k, "a step out of line got "+e.String())
			return nil
		}
	}
}

// compare holds the registers against those of the program without a probe.
func (g *Guest) compare(k *sim.K) {
	if got, want := g.cpu.State(), g.want.states[g.done]; got != want {
		g.changed(k, fmt.Sprintf("rip %#x, rsp %#x, rax %#x, rflags %#x", got.RIP, got.R[x86.RSP], got.R[x86.RAX], got.RFLAGS))
	}
}

func (g *Guest) changed(k *sim.K, what string) {
	k.Fail(&sim.Violation{Kind: WrongState, Subject: fmt.Sprintf("%s after %d instructions", what, g.done)})
}

var _ = sim.Plumbing("changed", "compare")

// userMemory is the memory of a program as the kernel copies from it and to it.
type userMemory struct {
	k  *sim.K
	mm *vm.MM
}

func (m userMemory) Read(addr uint64, p []byte) int  { return m.copy(addr, p, vm.CopyFromUser) }
func (m userMemory) Write(addr uint64, p []byte) int { return m.copy(addr, p, vm.CopyToUser) }

// copy transfers a word, all or nothing.
func (m userMemory) copy(addr uint64, p []byte, transfer func(*sim.K, *vm.MM, uint64, []byte) error) int {
	if transfer(m.k, m.mm, addr, p) != nil {
		return 0
	}
	return len(p)
}

// A slotCPU is the processor while it executes copies: it fetches them from a page
// of the kernel, and finds all else as the program does.
type slotCPU struct {
	*x86.CPU
	text  *[x86.PageSize]byte
	frame *x86.Frame
}

func newSlotCPU(cpu *vm.CPU) slotCPU {
	text := new([x86.PageSize]byte)
	s := slotCPU{text: text, frame: x86.NewFrame(text)}
	s.CPU = x86.New(slotMemory{cpu, s.frame})
	return s
}

type slotMemory struct {
	cpu   *vm.CPU
	frame *x86.Frame
}

// Translate is for data the program's, see [vm.CPU.Translate].
func (m slotMemory) Translate(addr uint64, size int, access x86.Access) (f *x86.Frame, keep, present bool) {
	if access == x86.Fetch && addr&^(x86.PageSize-1) == guestSlot {
		return m.frame, true, true
	}
	return m.cpu.Translate(addr, size, access)
}
