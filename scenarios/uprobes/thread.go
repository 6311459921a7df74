package uprobes

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"trapline/pagecache"
	"trapline/probes/uprobes"
	"trapline/sim"
	"trapline/vm"
)

// thread is the thread of a program that the task is, for designs that have to know. A
// task that goes on in another address space is another thread.
func (w *World) thread(k *sim.K, mm *vm.MM) *uprobes.Thread {
	d, ok := w.Scheme.(uprobes.Threader)
	if !ok {
		return nil
	}
	for int(k.ID()) >= len(w.threads) {
		w.threads = append(w.threads, nil)
	}
	t := w.threads[k.ID()]
	if t == nil || t.MM() != mm {
		t = uprobes.NewThread(k, k.Name(), mm)
		t.Hurried = !w.Patient
		w.living = append(w.living, t)
		w.be(k, d, t)
	}
	return t
}

// be has the task go on as a thread.
func (w *World) be(k *sim.K, d uprobes.Threader, t *uprobes.Thread) {
	w.threads[k.ID()] = t
	d.SetCurrent(k, t)
}

// exitThreads ends the threads of an address space, or all if that is nil.
func (w *World) exitThreads(k *sim.K, mm *vm.MM) {
	w.living = slices.DeleteFunc(slices.Clone(w.living), func(t *uprobes.Thread) bool {
		gone := mm == nil || t.MM() == mm
		if gone {
			w.Scheme.(uprobes.Threader).FreeUtask(k, t)
		}
		return gone
	})
}

// exitThread ends the thread that the task is, if designs have to know of it.
func (w *World) exitThread(k *sim.K) {
	if int(k.ID()) >= len(w.threads) || w.threads[k.ID()] == nil {
		return
	}
	t := w.threads[k.ID()]
	w.threads[k.ID()] = nil
	w.living = slices.DeleteFunc(w.living, func(o *uprobes.Thread) bool { return o == t })
	w.Scheme.(uprobes.Threader).FreeUtask(k, t)
}

// step executes what is in the slot that the task is to step, and returns it.
func (w *World) step(k *sim.K, mm *vm.MM) []byte {
	t := w.threads[k.ID()]
	insn := w.fetch(k, mm, t.IP, len(w.Image.Insn), "the slot in which it is to step an instruction")
	w.Scheme.(uprobes.Threader).ArchUprobePostXol(k, t, len(insn))
	return insn
}

// fetch is the program going on where probes have sent it. What says what that is.
func (w *World) fetch(k *sim.K, mm *vm.MM, addr uint64, n int, what string) []byte {
	for {
		if text := vm.FetchBytes(k, mm, addr, n); text != nil {
			return text
		}
		if vm.HandleMmFault(k, mm, addr, false) != nil {
			k.Fail(&sim.Violation{Kind: Killed, Subject: "SIGSEGV: " + what + " is not mapped"})
		}
	}
}

var _ = sim.Plumbing("fetch", "execute_call", "run_call", "return_child")

// lea is lea -0x80(%rsp), %rsp, and call the opcode of a call.
var lea = []byte{0x48, 0x8d, 0x64, 0x24, 0x80}

const (
	call    = 0xe8
	callLen = 5
)

// executeCall executes an optimised probe, if that is what the text is. A function
// that calls no other keeps something below its stack meanwhile.
func (w *World) executeCall(k *sim.K, mm *vm.MM, text []byte) bool {
	t := w.thread(k, mm)
	const local = 0x10ca1
	if w.leaf {
		*t.RedZone() = local
	}
	switch {
	case text[0] == call:
		w.runCall(k, mm, t, text, w.Image.Addr+uint64(len(text)))
	case bytes.HasPrefix(text, lea):
		t.Reserve(len128)
		at := w.Image.Addr + uint64(len(lea))
		rest := w.fetch(k, mm, at, len(text)-len(lea), "its text")
		if rest[0] != call {
			k.Fail(&sim.Violation{Kind: MiddleOfInsn, Subject: hex(rest) + "is what it finds behind the first half of an optimised probe"})
		}
		w.runCall(k, mm, t, rest, at+uint64(len(rest)))
		t.Reserve(-len128)
	default:
		// What is left of a call is the operand of the instruction.
		n := len(text) - callLen
		return n > 0 && bytes.HasPrefix(text, w.Image.Insn[:n]) && text[n] == call
	}
	if w.leaf && *t.RedZone() != local {
		k.Fail(&sim.Violation{Kind: WrongMemory, Subject: "what the function had below its stack is not there any more"})
	}
	return true
}

// len128 are the words by which lea makes the stack longer.
const len128 = 128 / 8

// runCall calls the trampoline, which makes a system call and returns.
func (w *World) runCall(k *sim.K, mm *vm.MM, t *uprobes.Thread, text []byte, next uint64) {
	t.Push(next)
	target := next + uint64(int64(int32(binary.LittleEndian.Uint32(text[1:]))))
	w.fetch(k, mm, target, 1, "the trampoline that it calls")
	for range 3 { // %rcx, %r11, %rax
		t.Push(0)
	}
	w.Scheme.(uprobes.CallOptimizer).SysUprobe(k, t)
	for range 4 {
		t.Pop()
	}
}

// Probing has the program begin with another instruction.
func (w *World) Probing(insn []byte) {
	image := *w.Image
	image.Bytes = bytes.Clone(image.Bytes)
	image.Insn = image.Bytes[image.Offset : image.Offset+int64(len(insn))]
	copy(image.Insn, insn)
	w.Image = &image
}

// ProbingNop has it begin with the one that the design makes a call of.
func (w *World) ProbingNop() {
	w.optimise = w.Scheme.(uprobes.CallOptimizer).Nop()
	w.Probing(w.optimise)
}

// mov is an instruction that the kernel does not do itself: mov %edi, -4(%rbp).
var mov = []byte{0x89, 0x7d, 0xfc}

// caller is where functions are called from.
const caller = 0x4ca11e4

// Call calls the function that begins with the probed instruction, does in it what body
// says, and holds the design to its contract for returns.
func (w *World) Call(k *sim.K, mm *vm.MM, p *Probe, body func(k *sim.K)) {
	run := p.beginCall(k)
	w.thread(k, mm).Push(caller)
	w.Execute(k, mm, p)
	body(k)
	w.Return(k)
	p.endCall(k, run)
}

// Return is the function returning. Where to may be a trampoline.
func (w *World) Return(k *sim.K) {
	t := w.threads[k.ID()]
	for t.IP = t.Pop(); t.IP != caller; {
		at := t.IP
		text := w.fetch(k, t.MM(), at, 1, "the trampoline that it returns to")
		if text[0] != breakpoint {
			k.Fail(&sim.Violation{Kind: WrongText, Subject: hex(text) + "in place of the trampoline"})
		}
		w.doInt3(k, t.MM(), at)
	}
}

// ReturnChild is Return of a child, which is held to the contract for returns by itself.
// Register has returned when the function is entered, and unregister is not called.
func (w *World) ReturnChild(k *sim.K, p *Probe) {
	rets := countOf(k, &p.rets)
	before := *rets
	w.Return(k)
	if n := *rets - before; n != 1 {
		k.Fail(&sim.Violation{Kind: WrongReturn, Subject: fmt.Sprintf("%s: the handler ran %d times for the return of the child", p.state.Name(), n)})
	}
	*rets = before
}

// MoveSlots is mremap(2) of the page that has the slots, which the kernel may refuse.
func (w *World) MoveSlots(k *sim.K, mm *vm.MM) {
	k.DownRead(&mm.MmapSem)
	areas := vm.Areas(k, mm)
	i := slices.IndexFunc(areas, func(vma *vm.VMA) bool { return vma.Name == "[uprobes]" })
	at := uint64(0)
	if i >= 0 {
		at = areas[i].Start
	}
	k.UpRead(&mm.MmapSem)
	if at != 0 {
		_, _ = vm.Mremap(k, mm, at, pagecache.PageSize, pagecache.PageSize, vm.MremapMayMove|vm.MremapFixed, at-elsewhere)
	}
}

// ForkThread is fork(2) by a thread. The same task acts for the child, which does what
// body says and exits.
func (w *World) ForkThread(k *sim.K, mm *vm.MM, name string, body func(child *vm.MM)) {
	d := w.Scheme.(uprobes.Threader)
	t := w.thread(k, mm)
	child, err := w.Fork(k, mm, name)
	if err != nil {
		return
	}
	c := t.Copy(k, name, child)
	w.living = append(w.living, c)
	d.CopyProcess(k, t, c)
	w.be(k, d, c)
	d.ReturnFromFork(k, c)
	body(child)
	w.Exit(k, child)
	w.be(k, d, t)
}
