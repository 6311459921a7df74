package live

import (
	"encoding/binary"
	"slices"

	"trapline/probes/uprobes/insn"
	"trapline/vm/linux"
	"trapline/vm/x86"
)

// maxPending is MAX_URETPROBE_DEPTH: how many returns of a task are waited for.
const maxPending = 64

// A returnInstance is struct return_instance: a function that is to be noticed when
// it returns.
type returnInstance struct {
	uprobe  *uprobe
	fn      uint64 // its address
	stack   uint64 // where its return address is
	ret     uint64 // what was there
	chained bool   // it was the trampoline, for a jump has led into the function
	wanted  []uint64
}

// alive is arch_uretprobe_is_alive(): the frame is still on the stack. At a call
// the stack pointer is below where the frame of its caller has it.
func (ri *returnInstance) alive(sp uint64, call bool) bool {
	return sp < ri.stack || !call && sp == ri.stack
}

// prepareReturn is prepare_uretprobe(): it has the function return to the
// trampoline.
func (k *Kernel) prepareReturn(t *linux.Thread, u *uprobe, s *x86.State, wanted []uint64) {
	sp, ut := k.space(t.K(), t.MM()), k.task(t)
	if !sp.getXOLArea(t) || len(ut.returns) >= maxPending {
		return
	}
	trampoline, stack := sp.xol.addr, s.R[x86.RSP]
	mem := memory{t.K(), t.MM()}
	var b [8]byte
	if mem.Read(stack, b[:]) != len(b) {
		return
	}
	ret := binary.LittleEndian.Uint64(b[:])
	if ret != trampoline {
		putWord(b[:], trampoline)
		switch mem.Write(stack, b[:]) {
		case len(b):
		case 0:
			return
		default:
			t.ForceSig(linux.SigInfo{Signo: sigSEGV, Code: siKernel})
			return
		}
	}
	chained := ret == trampoline
	for len(ut.returns) > 0 && !ut.top().alive(stack, !chained) { // longjmp() has left them
		ut.pop()
	}
	if chained {
		if len(ut.returns) == 0 {
			return
		}
		ret = ut.top().ret
	}
	ut.returns = append(ut.returns, returnInstance{u, s.RIP, stack, ret, chained, wanted})
}

func (ut *task) top() *returnInstance { return &ut.returns[len(ut.returns)-1] }

func (ut *task) pop() returnInstance {
	ri := *ut.top()
	ut.returns = ut.returns[:len(ut.returns)-1]
	return ri
}

// sysUretprobe is the system call uretprobe, which the trampoline makes: a function
// has returned. It is SIGILL from anywhere else.
func (k *Kernel) sysUretprobe(t *linux.Thread) uint64 {
	sp, ut := k.space(t.K(), t.MM()), k.task(t)
	s := t.CPU().State()
	mem := memory{t.K(), t.MM()}
	if sp.xol.addr == 0 || s.RIP != sp.xol.addr+insn.ReturnCheck {
		return sigill(t)
	}
	f, ok := insn.EnterReturn(&s, mem)
	if !ok {
		return sigill(t)
	}
	if !k.handleReturns(t, ut, &s) {
		t.CPU().SetState(s)
		return sigill(t)
	}
	if !f.Leave(&s, mem) {
		return sigill(t)
	}
	t.CPU().SetState(s)
	return s.R[x86.RAX]
}

func sigill(t *linux.Thread) uint64 {
	t.ForceSig(linux.SigInfo{Signo: sigILL, Code: siKernel})
	return ^uint64(0)
}

// handleReturns is uprobe_handle_trampoline(). It is false if no function is
// waited for.
func (k *Kernel) handleReturns(t *linux.Thread, ut *task, s *x86.State) bool {
	if len(ut.returns) == 0 {
		return false
	}
	for valid := false; !valid && len(ut.returns) > 0; {
		// Up to the first one of the chain, whose return address was a real one.
		next := len(ut.returns) - 1
		for next > 0 && ut.returns[next].chained {
			next--
		}
		valid = next == 0 || ut.returns[next-1].alive(s.R[x86.RSP], false)
		for len(ut.returns) > next {
			ri := ut.pop()
			s.RIP = ri.ret
			if valid {
				k.returned(t, &ri, s)
			}
		}
	}
	return true
}

// returned is handle_uretprobe_chain(): those who wanted it at the call, and still
// do, are told.
func (k *Kernel) returned(t *linux.Thread, ri *returnInstance, s *x86.State) {
	for _, c := range ri.uprobe.consumers {
		if c.probe.Event.Return && slices.Contains(ri.wanted, c.id) {
			k.record(t, c, s, ri.fn)
		}
	}
}
