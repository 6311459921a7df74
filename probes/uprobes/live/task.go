package live

import (
	"trapline/probes/uprobes/defects"
	"trapline/probes/uprobes/insn"
	"trapline/vm"
	"trapline/vm/linux"
	"trapline/vm/x86"
)

// A stepState is enum uprobe_task_state.
type stepState uint8

const (
	running stepState = iota
	stepping
	stepped // UTASK_SSTEP_ACK
	trapped // UTASK_SSTEP_TRAPPED
)

// uprobeTrap is UPROBE_TRAP_NR: the mark that nothing has trapped out of line.
const uprobeTrap = 1<<32 - 1

// A task is struct uprobe_task.
type task struct {
	hit       bool // an int3 has been executed
	state     stepState
	step      *insn.Step // of the instruction that is being executed out of line
	slot      int
	space     *space // that has the slot
	savedTrap uint64
	denied    bool // a signal waits

	returns []returnInstance // that have not returned, the last one on top
	copyXOL uint64           // where the child is to have its area
}

func (k *Kernel) task(t *linux.Thread) *task {
	ut := k.tasks[t]
	if ut == nil {
		ut = &task{}
		k.tasks[t] = ut
	}
	return ut
}

// hooks is what package linux calls.
type hooks struct{ *Kernel }

// Hooks are the hooks of address spaces.
func (k hooks) Hooks() vm.Hooks { return memoryHooks(k) }

// PreSingleStep is uprobe_pre_sstep_notifier().
func (k hooks) PreSingleStep(t *linux.Thread) bool {
	ut := k.task(t)
	if !k.space(t.K(), t.MM()).has && len(ut.returns) == 0 {
		return false
	}
	ut.hit = true
	return true
}

// PostSingleStep is uprobe_post_sstep_notifier().
func (k hooks) PostSingleStep(t *linux.Thread) bool {
	ut := k.task(t)
	if ut.step == nil {
		return false
	}
	ut.state = stepped
	return true
}

// NotifyResume is uprobe_notify_resume(), with the work that fork has left.
func (k hooks) NotifyResume(t *linux.Thread) {
	ut := k.task(t)
	if at := ut.copyXOL; at != 0 {
		ut.copyXOL = 0
		k.space(t.K(), t.MM()).createXOLArea(t.K(), at)
	}
	switch {
	case ut.step != nil && ut.state != stepping:
		k.endStep(t, ut)
	case ut.hit:
		ut.hit = false
		k.handleBreakpoint(t)
	}
}

// DenySignal is uprobe_deny_signal().
func (k hooks) DenySignal(t *linux.Thread) bool {
	ut := k.task(t)
	if ut.step == nil {
		return false
	}
	ut.denied = true
	if t.FatalSignalPending() || t.TrapNo() != uprobeTrap {
		ut.state = trapped
		t.SetNotifyResume()
	}
	return true
}

// TrapAddr is uprobe_get_trap_addr().
func (k hooks) TrapAddr(t *linux.Thread, addr uint64) uint64 {
	if st := k.task(t).step; st != nil {
		return st.Addr
	}
	return addr
}

// Syscall answers the system calls of uprobes. A kernel without the defect ends
// the step of a probed syscall with the system call.
func (k hooks) Syscall(t *linux.Thread, nr uint64) (result uint64, ok bool) {
	k.current = t
	switch nr {
	case insn.SysUretprobe:
		return k.sysUretprobe(t), true
	case insn.SysUprobe:
		return k.sysUprobe(t), true
	}
	ut := k.task(t)
	if ut.step == nil || k.defects.Has(defects.SyscallStep) {
		return 0, false
	}
	if nr == sysSigreturn { // the registers will be others
		k.leaveStep(t, ut)
		return 0, false
	}
	ut.state = stepped
	t.SetNotifyResume()
	return 0, false
}

const sysSigreturn = 15

// Fork is uprobe_copy_process().
func (k hooks) Fork(parent, child *linux.Thread, flags uint64) {
	const cloneVM, cloneVfork = 0x100, 0x4000
	ut := k.task(parent)
	if st := ut.step; st != nil && !k.defects.Has(defects.SyscallStep) {
		s := child.CPU().State()
		st.Post(&s, memory{child.K(), child.MM()})
		child.CPU().SetState(s)
	}
	if len(ut.returns) == 0 || flags&(cloneVM|cloneVfork) == cloneVM {
		return
	}
	copied := k.task(child)
	copied.returns = append(copied.returns, ut.returns...)
	if area := k.space(parent.K(), parent.MM()).xol.addr; area != 0 && flags&cloneVM == 0 {
		copied.copyXOL = area
		child.SetNotifyResume()
	}
}

// Exec is uprobe_free_utask() in exec_mmap().
func (k hooks) Exec(t *linux.Thread) { k.free(t) }

// Exit is uprobe_free_utask().
func (k hooks) Exit(t *linux.Thread) { k.free(t) }

func (k hooks) free(t *linux.Thread) {
	if ut := k.tasks[t]; ut != nil {
		if ut.step != nil {
			ut.space.xol.used[ut.slot] = false
		}
		delete(k.tasks, t)
	}
}

// beginStep is pre_ssout(): the copy of the instruction is executed next.
func (k *Kernel) beginStep(t *linux.Thread, s *x86.State, in *insn.Insn, addr uint64) bool {
	sp, ut := k.space(t.K(), t.MM()), k.task(t)
	slot, ok := sp.takeSlot(t, in)
	if !ok {
		return false
	}
	ut.slot, ut.space, ut.state = slot, sp, stepping
	ut.step = in.PreXOL(s, addr, sp.xol.addr+uint64(slot)*insn.SlotSize)
	ut.savedTrap = t.TrapNo()
	t.SetTrapNo(uprobeTrap)
	return true
}

// endStep is handle_singlestep().
func (k *Kernel) endStep(t *linux.Thread, ut *task) {
	s := t.CPU().State()
	userTrap := false
	if ut.state == stepped {
		userTrap = ut.step.Post(&s, memory{t.K(), t.MM()})
		t.SetTrapNo(ut.savedTrap)
	} else {
		ut.step.Abort(&s)
		if k.defects.Has(defects.SignalTrapno) || t.TrapNo() == uprobeTrap {
			t.SetTrapNo(ut.savedTrap)
		}
	}
	t.CPU().SetState(s)
	k.leaveStep(t, ut)
	if userTrap {
		k.userTrap(t)
	}
}

// leaveStep gives the slot back, and lets signals in.
func (k *Kernel) leaveStep(t *linux.Thread, ut *task) {
	ut.space.xol.used[ut.slot] = false
	ut.step, ut.space, ut.state = nil, nil, running
	if ut.denied {
		ut.denied = false
		t.RecalcSigpending()
	}
}

// userTrap is the SIGTRAP for the trap flag of the program itself.
func (k *Kernel) userTrap(t *linux.Thread) {
	const sigTRAP, trapTrace = 5, 2
	if k.defects.Has(defects.UserTrapInfo) {
		t.SendSig(sigTRAP)
		return
	}
	t.SetTrapNo(1)
	info := linux.SigInfo{Signo: sigTRAP, Code: trapTrace}
	putWord(info.Fields[:], t.CPU().RIP())
	t.ForceSig(info)
}
