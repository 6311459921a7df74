package linux

import (
	"trapline/sim"
)

// deliver is get_signal() with handle_signal(): what happens to pending signals
// on the way back to the program, and to the system call that they interrupted.
func (t *Thread) deliver() {
	for {
		if t.proc.exiting {
			t.exit(t.proc.exitStatus)
			return
		}
		if t.proc.stopped {
			t.waitStopped()
			continue
		}
		info, ok := t.dequeue()
		if !ok {
			t.restartCall(nil)
			t.restoreMask()
			return
		}
		sig := int(info.Signo)
		a := t.sig.actions[sig]
		switch {
		case a.handler == sigIgn && sig != sigKILL && sig != sigSTOP:
			continue
		case a.handler != sigDfl && a.handler != sigIgn:
			if a.flags&saResethand != 0 {
				t.sig.actions[sig].handler = sigDfl
			}
			t.restartCall(&a)
			t.handle(info, a)
			return
		case bit(sig)&ignoredSignals != 0:
			continue
		case bit(sig)&stopSignals != 0:
			t.stop(sig)
			continue
		}
		t.note("killed by signal %d, code %d, ip %#x, fault address %#x", sig, info.Code, t.cpu.RIP(), get64(info.Fields[:]))
		t.exitGroup(sig) // without a core: RLIMIT_CORE is 0
		return
	}
}

// dequeue is dequeue_signal().
func (t *Thread) dequeue() (SigInfo, bool) {
	info, ok := t.pending.take(t.mask)
	if !ok {
		info, ok = t.proc.pending.take(t.mask)
	}
	t.recalc()
	if ok {
		t.proc.rearm(info)
	}
	return info, ok
}

// stop is do_signal_stop().
func (t *Thread) stop(sig int) {
	p := t.proc
	p.stopped, p.stopSig, p.stopReported, p.continued = true, sig, false, false
	for _, u := range p.threads {
		u.sigPending = true
	}
	t.sys.tellParent(p, cldStopped, sig)
}

// waitStopped sleeps until SIGCONT or SIGKILL.
func (t *Thread) waitStopped() {
	t.sleep(func() bool { return !t.proc.stopped || t.proc.exiting || t.pending.set&bit(sigKILL) != 0 }, never, false)
	t.recalc()
}

// restoreMask is restore_saved_sigmask(): the mask that sigsuspend and its like
// have put aside.
func (t *Thread) restoreMask() {
	if t.restoreSaved {
		t.restoreSaved = false
		t.setMask(t.savedMask)
	}
}

// restartCall has the interrupted system call begin again, or return EINTR, by
// whether there is a handler and what it wants.
func (t *Thread) restartCall(handler *action) {
	nr := t.origRAX
	if int64(nr) < 0 {
		return
	}
	t.origRAX = noCall
	again := false
	switch e := sim.Errno(-int64(t.cpu.Reg(rax))); e {
	case sim.ERESTARTSYS:
		again = handler == nil || handler.flags&saRestart != 0
	case eRESTARTNOINT:
		again = true
	case eRESTARTNOHND:
		again = handler == nil
	case eRESTARTBLOCK:
		if handler == nil {
			nr, again = sysRestartSyscall, true
		}
	default:
		return
	}
	if !again {
		t.cpu.SetReg(rax, errnoResult(sim.EINTR))
		return
	}
	t.cpu.SetReg(rax, nr)
	t.cpu.SetRIP(t.cpu.RIP() - 2) // the length of syscall
}

// handle is setup_rt_frame() and signal_setup_done().
func (t *Thread) handle(info SigInfo, a action) {
	saved := t.mask
	if t.restoreSaved {
		saved, t.restoreSaved = t.savedMask, false
	}
	sig := int(info.Signo)
	if err := t.pushFrame(info, a, saved); err != nil {
		t.forceSegv(sig)
		return
	}
	mask := t.mask | a.mask
	if a.flags&saNodefer == 0 {
		mask |= bit(sig)
	}
	t.setMask(mask)
}

// forceSegv is force_sigsegv(): the frame for a signal could not be written.
func (t *Thread) forceSegv(sig int) {
	if sig == sigSEGV {
		t.sig.actions[sig].handler = sigDfl
	}
	t.ForceSig(SigInfo{Signo: sigSEGV, Code: siKernel})
}
