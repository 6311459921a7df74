package linux

import (
	"math/bits"

	"trapline/sim"
)

// Signals are sent here, by kill(2), by faults and by timers; signal_deliver.go
// says what becomes of them.

// The signals that the kernel knows by name.
const (
	sigHUP    = 1
	sigINT    = 2
	sigQUIT   = 3
	sigILL    = 4
	sigTRAP   = 5
	sigABRT   = 6
	sigBUS    = 7
	sigFPE    = 8
	sigKILL   = 9
	sigUSR1   = 10
	sigSEGV   = 11
	sigUSR2   = 12
	sigPIPE   = 13
	sigALRM   = 14
	sigTERM   = 15
	sigCHLD   = 17
	sigCONT   = 18
	sigSTOP   = 19
	sigTSTP   = 20
	sigTTIN   = 21
	sigTTOU   = 22
	sigURG    = 23
	sigXCPU   = 24
	sigXFSZ   = 25
	sigVTALRM = 26
	sigPROF   = 27
	sigWINCH  = 28
	sigSYS    = 31
	firstRT   = 32
	lastSig   = 64
)

// A sigset is a set of signals: bit n-1 for signal n.
type sigset uint64

func bit(sig int) sigset { return 1 << (sig - 1) }

const (
	unblockable = sigset(1<<(sigKILL-1) | 1<<(sigSTOP-1))
	// stopSignals stop the process by default, and ignoredSignals do nothing.
	stopSignals    = sigset(1<<(sigSTOP-1) | 1<<(sigTSTP-1) | 1<<(sigTTIN-1) | 1<<(sigTTOU-1))
	ignoredSignals = sigset(1<<(sigCHLD-1) | 1<<(sigCONT-1) | 1<<(sigURG-1) | 1<<(sigWINCH-1))
	// synchronous signals are delivered before others.
	synchronous = sigset(1<<(sigSEGV-1) | 1<<(sigBUS-1) | 1<<(sigILL-1) | 1<<(sigTRAP-1) | 1<<(sigFPE-1) | 1<<(sigSYS-1))
)

// The origins of a signal, si_code.
const (
	siUser   = 0
	siKernel = 0x80
	siQueue  = -1
	siTimer  = -2
	siTkill  = -6
)

// SigInfo is what a program is told of a signal: siginfo_t.
type SigInfo struct {
	Signo, Errno, Code int32
	// Fields is the part that depends on the signal, from offset 16 on.
	Fields [112]byte
}

// faultInfo is the siginfo of a fault at an address.
func faultInfo(sig int, code int32, addr uint64) SigInfo {
	info := SigInfo{Signo: int32(sig), Code: code}
	put64(info.Fields[:], addr)
	return info
}

// sentInfo is the siginfo of a signal that a process has sent.
func sentInfo(sig int, code int32, pid int) SigInfo {
	info := SigInfo{Signo: int32(sig), Code: code}
	put32(info.Fields[:], uint32(pid))
	return info
}

// The actions beside the address of a handler.
const (
	sigDfl = 0
	sigIgn = 1
)

// The flags of sigaction(2).
const (
	saNocldstop = 1
	saNocldwait = 2
	saSiginfo   = 4
	saRestorer  = 0x04000000
	saOnstack   = 0x08000000
	saRestart   = 0x10000000
	saNodefer   = 0x40000000
	saResethand = 0x80000000
)

// An action is struct k_sigaction.
type action struct {
	handler, flags, restorer uint64
	mask                     sigset
}

// sighand is struct sighand_struct: the actions, which clone can share.
type sighand struct {
	actions [lastSig + 1]action
	users   int
}

// sigQueue is struct sigpending. One instance of each of the classic signals is
// kept, and each of a real-time one.
type sigQueue struct {
	set  sigset
	list []SigInfo
}

// maxQueued is how many signals a queue holds, and how many timers a process has:
// RLIMIT_SIGPENDING, which Linux has for all of a user.
const maxQueued = 8192

// full says that there is no room for another instance of a signal.
func (q *sigQueue) full(sig int) bool { return sig >= firstRT && len(q.list) >= maxQueued }

func (q *sigQueue) add(info SigInfo) {
	sig := int(info.Signo)
	if sig < firstRT && q.set&bit(sig) != 0 || q.full(sig) {
		return
	}
	q.set |= bit(sig)
	q.list = append(q.list, info)
}

// take removes the first signal outside of mask; those of a fault come first,
// then the lowest number.
func (q *sigQueue) take(mask sigset) (SigInfo, bool) {
	ready := q.set &^ mask
	if ready == 0 {
		return SigInfo{}, false
	}
	if s := ready & synchronous; s != 0 {
		ready = s
	}
	return q.takeOne(bits.TrailingZeros64(uint64(ready)) + 1)
}

// takeOne removes the first instance of a signal.
func (q *sigQueue) takeOne(sig int) (info SigInfo, ok bool) {
	more := false
	kept := q.list[:0]
	for _, i := range q.list {
		switch {
		case int(i.Signo) != sig:
			kept = append(kept, i)
		case !ok:
			info, ok = i, true
		default:
			more = true
			kept = append(kept, i)
		}
	}
	q.list = kept
	if !more {
		q.set &^= bit(sig)
	}
	return info, ok
}

// discard removes all instances of the signals in a set.
func (q *sigQueue) discard(set sigset) {
	kept := q.list[:0]
	for _, i := range q.list {
		if set&bit(int(i.Signo)) == 0 {
			kept = append(kept, i)
		}
	}
	q.list = kept
	q.set &^= set
}

// ignores says that a signal would do nothing.
func (h *sighand) ignores(sig int) bool {
	a := &h.actions[sig]
	return a.handler == sigIgn || a.handler == sigDfl && bit(sig)&ignoredSignals != 0
}

// send is send_signal_locked(): to one thread, or to any of its process.
func (s *system) send(t *Thread, info SigInfo, group bool) {
	p, sig := t.proc, int(info.Signo)
	if p.zombie || sig == 0 {
		return
	}
	s.prepare(p, sig)
	if t.sig.ignores(sig) && (t.mask|t.realMask)&bit(sig) == 0 {
		return
	}
	if group {
		p.pending.add(info)
		s.complete(p, t, sig)
		return
	}
	t.pending.add(info)
	if t.wants(sig) {
		t.sigPending = true
	}
}

// prepare is prepare_signal(): a stop takes a SIGCONT away, and the reverse.
func (s *system) prepare(p *process, sig int) {
	var away sigset
	switch {
	case bit(sig)&stopSignals != 0:
		away = bit(sigCONT)
	case sig == sigCONT:
		away = stopSignals
		if p.stopped {
			p.stopped, p.continued = false, true
			p.stopReported = false
			s.tellParent(p, cldContinued, sigCONT)
		}
	case sig == sigKILL:
		p.stopped = false
	}
	p.pending.discard(away)
	for _, t := range p.threads {
		t.pending.discard(away)
	}
}

// wants is wants_signal().
func (t *Thread) wants(sig int) bool {
	return sig == sigKILL || t.mask&bit(sig) == 0 && !t.exiting && !t.proc.stopped
}

// complete is complete_signal(): it finds a thread that will take the signal.
func (s *system) complete(p *process, first *Thread, sig int) {
	if first.wants(sig) && !first.exiting {
		first.sigPending = true
		return
	}
	for _, t := range p.threads {
		if t.wants(sig) && !t.exiting {
			t.sigPending = true
			return
		}
	}
}

// sendProcess is group_send_sig_info().
func (s *system) sendProcess(p *process, info SigInfo) {
	if len(p.threads) > 0 {
		s.send(p.threads[0], info, true)
	}
}

// sendSelf is send_sig() to the caller.
func (t *Thread) sendSelf(sig int) {
	t.sys.send(t, sentInfo(sig, siUser, t.proc.pid), false)
}

// ForceSig is force_sig_info(): a signal that the thread has caused itself and
// cannot escape. If it is blocked or ignored the process dies of it.
func (t *Thread) ForceSig(info SigInfo) {
	sig := int(info.Signo)
	a := &t.sig.actions[sig]
	if t.mask&bit(sig) != 0 || a.handler == sigIgn {
		a.handler = sigDfl
		t.mask &^= bit(sig)
	}
	t.pending.add(info)
	t.sigPending = true
}

// setMask is set_current_blocked(). Signals to the whole process that this
// thread no longer takes go to another.
func (t *Thread) setMask(mask sigset) {
	mask &^= unblockable
	lost := t.proc.pending.set & mask &^ t.mask
	t.mask = mask
	for sig := 1; sig <= lastSig; sig++ {
		if lost&bit(sig) != 0 {
			for _, u := range t.proc.threads {
				if u != t && u.wants(sig) {
					u.sigPending = true
					break
				}
			}
		}
	}
	t.recalc()
}

// recalc is recalc_sigpending().
func (t *Thread) recalc() {
	t.sigPending = (t.pending.set|t.proc.pending.set)&^t.mask != 0 || t.proc.exiting || t.proc.stopped
}

// The causes of a SIGCHLD, si_code.
const (
	cldExited    = 1
	cldKilled    = 2
	cldDumped    = 3
	cldStopped   = 5
	cldContinued = 6
)

// tellParent is do_notify_parent_cldstop() and half of do_notify_parent().
func (s *system) tellParent(p *process, code int32, status int) {
	parent := p.parent
	if parent == nil || len(parent.threads) == 0 || p.exitSignal == 0 || p.exitSignal > lastSig {
		return
	}
	h := parent.threads[0].sig
	if (code == cldStopped || code == cldContinued) && h.actions[sigCHLD].flags&saNocldstop != 0 {
		return
	}
	info := sentInfo(p.exitSignal, code, p.pid)
	put32(info.Fields[8:], uint32(status))
	s.sendProcess(parent, info)
}

// checkKill is what kill(2) and its like refuse.
func checkKill(sig uint64) error {
	if sig > lastSig {
		return sim.EINVAL
	}
	return nil
}
