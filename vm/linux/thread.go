package linux

import (
	"math"

	"trapline/sim"
	"trapline/vm"
	"trapline/vm/x86"
)

// A Thread is one thread of a program: a processor of its own over the address
// space of its process, and what task_struct has of it.
type Thread struct {
	sys   *system
	k     *sim.K // the task that runs it
	tid   int
	proc  *process
	space *space
	cpu   *vm.CPU
	files *fdTable
	fs    *fsInfo
	sig   *sighand
	comm  string
	sched int // niceness, which changes nothing

	mask, realMask sigset // realMask counts as blocked while sigtimedwait unblocks
	savedMask      sigset
	restoreSaved   bool
	pending        sigQueue
	sigPending     bool // TIF_SIGPENDING
	alt            altStack

	origRAX  uint64 // the number of the system call, noCall outside of one
	restart  func() (uint64, error)
	trapNo   uint64 // of the last fault, for signal frames
	trapErr  uint64
	cr2      uint64
	clearTID uint64 // is cleared and woken when the thread ends
	setTID   uint64 // is set when it begins
	robust   uint64

	insns   int64
	exiting bool
	killed  bool // by another thread that has called execve
	notify  bool // the probes want to act before the program goes on

	wait     sim.Object // allows ready unless the thread sleeps
	cond     func() bool
	until    int64
	signals  bool // end the sleep
	sleeping bool
}

const (
	rax = x86.RAX
	rsp = x86.RSP

	noCall = ^uint64(0)
	never  = math.MaxInt64 // a deadline that does not come
)

// ready is the way of [Thread.wait] that lets a thread go on.
const ready sim.Wait = 1

var (
	opRun   = sim.NewOp("run(%s)")
	opCall  = sim.NewOp("syscall(%s)")
	opSleep = sim.NewOp("schedule(%s)")
)

// MM is the address space of the thread.
func (t *Thread) MM() *vm.MM { return t.space.mm }

// CPU is the processor that runs the thread.
func (t *Thread) CPU() *vm.CPU { return t.cpu }

// K is the handle of the task that runs the thread.
func (t *Thread) K() *sim.K { return t.k }

// PID is the number of the process, and TID that of the thread.
func (t *Thread) PID() int { return t.proc.pid }

// TID is the number of the thread.
func (t *Thread) TID() int { return t.tid }

// Comm is the name of the thread, as in /proc/PID/comm.
func (t *Thread) Comm() string { return t.comm }

// run executes the thread to its end.
func (t *Thread) run() {
	if t.setTID != 0 {
		_ = t.copyOut(t.setTID, le32(uint32(t.tid)))
	}
	for t.leave(); !t.exiting; t.leave() {
		t.k.Step(opRun, &t.sys.lock, sim.Write)
		n := t.sys.slice(t)
		if n == 0 {
			t.sys.stop(t)
			return
		}
		done, e := t.cpu.Run(t.k, n)
		t.insns += int64(done)
		t.sys.spend(done)
		if e.Kind != x86.None {
			t.exception(e)
		}
		t.sys.wakeReady(t.k)
	}
}

// leave is exit_to_user_mode_loop(): what is to be done before the program goes
// on.
func (t *Thread) leave() {
	for !t.exiting {
		switch {
		case t.killed:
			t.exit(0)
		case t.notify:
			t.notify = false
			t.sys.probes.NotifyResume(t)
		case t.sigPending && t.denied():
		case t.sigPending:
			t.deliver()
		default:
			t.restoreMask()
			t.origRAX = noCall
			return
		}
	}
	t.sys.wakeReady(t.k)
}

// block sleeps until the condition holds, a signal comes or the deadline. It is
// true if the condition holds. Whatever changes what a condition depends on does
// so in a step after which [system.wakeReady] is called.
func (t *Thread) block(cond func() bool, deadline int64) bool {
	return t.sleep(cond, deadline, true)
}

// sleep is block with or without signals.
func (t *Thread) sleep(cond func() bool, deadline int64, signals bool) bool {
	s := t.sys
	for !cond() {
		if signals && t.sigPending || deadline <= s.now {
			return false
		}
		t.cond, t.until, t.signals, t.sleeping = cond, deadline, signals, true
		s.sleepers = append(s.sleepers, t)
		t.k.Touch(&t.wait, sim.Write)
		t.wait.Forbid(ready)
		s.wakeReady(t.k)
		t.k.StepWait(opSleep, &t.wait, sim.Write, ready)
		t.k.Touch(&s.lock, sim.Write)
	}
	return true
}

// fatalPending is fatal_signal_pending().
func (t *Thread) fatalPending() bool {
	return t.proc.exiting || t.killed || (t.pending.set|t.proc.pending.set)&bit(sigKILL) != 0
}

// note tells the user what became of the program.
func (t *Thread) note(format string, args ...any) {
	t.sys.note("%s[%d]: "+format, append([]any{t.comm, t.tid}, args...)...)
}
