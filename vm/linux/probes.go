package linux

import "trapline/vm"

// Probes is what the kernel calls uprobes for, apart from what package vm does by
// itself ([vm.Hooks]). All methods are called by the task of the thread, which may
// sleep. Addresses and registers are those of [Thread.CPU].
type Probes interface {
	// Hooks are the hooks of new address spaces.
	Hooks() vm.Hooks
	// PreSingleStep is uprobe_pre_sstep_notifier(): the thread has executed an int3,
	// and its RIP is behind it. If the answer is true there is no SIGTRAP, and
	// NotifyResume is called before the program goes on.
	PreSingleStep(t *Thread) bool
	// PostSingleStep is uprobe_post_sstep_notifier(): the thread has executed an
	// instruction with TF set. The answer is that of PreSingleStep.
	PostSingleStep(t *Thread) bool
	// NotifyResume is uprobe_notify_resume(), before signals are delivered. It is
	// called too after [Thread.SetNotifyResume].
	NotifyResume(t *Thread)
	// TrapAddr is uprobe_get_trap_addr(): where the exception at addr is to have
	// happened for the program, if an instruction out of line has caused it.
	TrapAddr(t *Thread, addr uint64) uint64
	// DenySignal is uprobe_deny_signal(): true while the thread executes an
	// instruction out of line, whose signals wait until it is done. A fault of that
	// instruction has changed [Thread.TrapNo].
	DenySignal(t *Thread) bool
	// Syscall is asked before every system call: true, with what is to be in RAX,
	// if the number is one of the probes' own.
	Syscall(t *Thread, nr uint64) (result uint64, ok bool)
	// Fork is uprobe_copy_process(): child has been made by a clone with flags, and
	// has not run yet.
	Fork(parent, child *Thread, flags uint64)
	// Exec is called when the thread is about to leave its address space for that
	// of a new program, with the old one still active.
	Exec(t *Thread)
	// Exit is uprobe_free_utask(): the thread ends.
	Exit(t *Thread)
}

// SetNotifyResume is set_thread_flag(TIF_UPROBE): NotifyResume is to be called
// before the program goes on.
func (t *Thread) SetNotifyResume() { t.notify = true }

// TrapNo is thread.trap_nr: the number of the last exception, which signal frames
// tell.
func (t *Thread) TrapNo() uint64 { return t.trapNo }

// SetTrapNo changes what TrapNo tells.
func (t *Thread) SetTrapNo(n uint64) { t.trapNo = n }

// SignalPending is signal_pending().
func (t *Thread) SignalPending() bool { return t.sigPending }

// FatalSignalPending is fatal_signal_pending().
func (t *Thread) FatalSignalPending() bool { return t.fatalPending() }

// RecalcSigpending is recalc_sigpending(): signals that were denied count again.
func (t *Thread) RecalcSigpending() { t.recalc() }

// SendSig is send_sig(): a signal to the thread, as if its own process had sent it.
func (t *Thread) SendSig(sig int) { t.sendSelf(sig) }

// Now is the virtual time of the machine, in nanoseconds from its start.
func (t *Thread) Now() int64 { return t.sys.now }

// WaitEvent is wait_event(): the thread sleeps until the condition holds. Whoever
// changes what it depends on is in a thread's way to its program, or out of it.
func (t *Thread) WaitEvent(cond func() bool) { t.sleep(cond, never, false) }

// denied asks the probes whether signals have to wait.
func (t *Thread) denied() bool {
	p := t.sys.probes
	if p == nil || !p.DenySignal(t) {
		return false
	}
	t.sigPending = false
	t.restartCall(nil)
	return true
}
