package linux

import "trapline/sim"

// signalCalls are the system calls on signals.
func signalCalls() map[uint64]call {
	return map[uint64]call{
		13:  {"rt_sigaction", sysRtSigaction},
		14:  {"rt_sigprocmask", sysRtSigprocmask},
		15:  {"rt_sigreturn", sysRtSigreturn},
		34:  {"pause", sysPause},
		62:  {"kill", sysKill},
		127: {"rt_sigpending", sysRtSigpending},
		128: {"rt_sigtimedwait", sysRtSigtimedwait},
		129: {"rt_sigqueueinfo", sysRtSigqueueinfo},
		130: {"rt_sigsuspend", sysRtSigsuspend},
		131: {"sigaltstack", sysSigaltstack},
		200: {"tkill", sysTkill},
		234: {"tgkill", sysTgkill},
	}
}

// sysRtSigaction is rt_sigaction(sig, new, old, size).
func sysRtSigaction(t *Thread, a args) (uint64, error) {
	sig := int(int32(a[0]))
	if a[3] != 8 || sig < 1 || sig > lastSig || a[1] != 0 && bit(sig)&unblockable != 0 {
		return 0, sim.EINVAL
	}
	var next action
	if a[1] != 0 {
		var p [32]byte
		if err := t.copyIn(a[1], p[:]); err != nil {
			return 0, err
		}
		next = action{handler: get64(p[:]), flags: get64(p[8:]), restorer: get64(p[16:]), mask: sigset(get64(p[24:])) &^ unblockable}
	}
	old := t.sig.actions[sig]
	if a[1] != 0 {
		t.sig.actions[sig] = next
		if t.sig.ignores(sig) {
			t.proc.pending.discard(bit(sig))
			for _, u := range t.proc.threads {
				u.pending.discard(bit(sig))
			}
			t.recalc()
		}
	}
	if a[2] == 0 {
		return 0, nil
	}
	var p [32]byte
	put64(p[:], old.handler)
	put64(p[8:], old.flags)
	put64(p[16:], old.restorer)
	put64(p[24:], uint64(old.mask))
	return 0, t.copyOut(a[2], p[:])
}

// sysRtSigprocmask is rt_sigprocmask(how, new, old, size).
func sysRtSigprocmask(t *Thread, a args) (uint64, error) {
	if a[3] != 8 {
		return 0, sim.EINVAL
	}
	old := t.mask
	if a[1] != 0 {
		v, err := t.load64(a[1])
		if err != nil {
			return 0, err
		}
		set := sigset(v)
		switch a[0] {
		case 0:
			t.setMask(old | set)
		case 1:
			t.setMask(old &^ set)
		case 2:
			t.setMask(set)
		default:
			return 0, sim.EINVAL
		}
	}
	if a[2] == 0 {
		return 0, nil
	}
	return 0, t.copyOut(a[2], le64(uint64(old)))
}

// suspendMask is set_user_sigmask(): another mask for the time of a call.
func (t *Thread) suspendMask(addr, size uint64) error {
	if addr == 0 {
		return nil
	}
	if size != 8 {
		return sim.EINVAL
	}
	v, err := t.load64(addr)
	if err != nil {
		return err
	}
	t.savedMask, t.restoreSaved = t.mask, true
	t.setMask(sigset(v))
	return nil
}

func sysPause(t *Thread, _ args) (uint64, error) {
	t.block(func() bool { return false }, never)
	return 0, eRESTARTNOHND
}

func sysRtSigsuspend(t *Thread, a args) (uint64, error) {
	if a[0] == 0 {
		return 0, eFAULT
	}
	if err := t.suspendMask(a[0], a[1]); err != nil {
		return 0, err
	}
	return sysPause(t, a)
}

func sysRtSigpending(t *Thread, a args) (uint64, error) {
	if a[1] > 8 {
		return 0, sim.EINVAL
	}
	set := (t.pending.set | t.proc.pending.set) & t.mask
	return 0, t.copyOut(a[0], le64(uint64(set))[:a[1]])
}

// sysRtSigtimedwait is rt_sigtimedwait(set, info, timeout, size).
func sysRtSigtimedwait(t *Thread, a args) (uint64, error) {
	if a[3] != 8 {
		return 0, sim.EINVAL
	}
	v, err := t.load64(a[0])
	if err != nil {
		return 0, err
	}
	set := sigset(v) &^ unblockable
	deadline, err := t.timeout(a[2])
	if err != nil {
		return 0, err
	}
	var info SigInfo
	found := false
	take := func() bool {
		if info, found = t.pending.take(^set); !found {
			info, found = t.proc.pending.take(^set)
		}
		return found
	}
	if !take() {
		t.realMask = t.mask
		t.mask &^= set
		ready := func() bool { return (t.pending.set|t.proc.pending.set)&set != 0 }
		t.block(ready, deadline)
		t.mask, t.realMask = t.realMask, 0
		take()
		t.recalc()
	}
	if !found {
		if t.sigPending {
			return 0, sim.EINTR
		}
		return 0, sim.EAGAIN
	}
	t.proc.rearm(info)
	if a[1] != 0 {
		var p [128]byte
		info.encode(p[:])
		if err := t.copyOut(a[1], p[:]); err != nil {
			return 0, err
		}
	}
	return uint64(info.Signo), nil
}

func sysSigaltstack(t *Thread, a args) (uint64, error) {
	old := t.alt
	state := old.state(t.onAltStack(t.cpu.Reg(rsp))) | old.flags&ssAutodisarm
	if a[0] != 0 {
		var p [24]byte
		if err := t.copyIn(a[0], p[:]); err != nil {
			return 0, err
		}
		if err := t.setAltStack(get64(p[:]), get64(p[16:]), get32(p[8:])); err != nil {
			return 0, err
		}
	}
	if a[1] == 0 {
		return 0, nil
	}
	var p [24]byte
	put64(p[:], old.sp)
	put32(p[8:], state)
	put64(p[16:], old.size)
	return 0, t.copyOut(a[1], p[:])
}

// sysKill is kill(pid, sig).
func sysKill(t *Thread, a args) (uint64, error) {
	if err := checkKill(a[1]); err != nil {
		return 0, err
	}
	pid, sig := int(int32(a[0])), int(a[1])
	info := sentInfo(sig, siUser, t.proc.pid)
	if pid > 0 {
		p := t.sys.byPID(pid)
		if p == nil {
			return 0, sim.ESRCH
		}
		if p == t.proc {
			t.sys.send(t, info, true)
		} else {
			t.sys.sendProcess(p, info)
		}
		return 0, nil
	}
	found := false
	for _, p := range t.sys.processes {
		switch {
		case p == t.sys.initProcess || p.zombie:
		case pid == -1 && p == t.proc:
		case pid == -1, pid == 0 && p.pgid == t.proc.pgid, pid < -1 && p.pgid == -pid:
			found = true
			t.sys.sendProcess(p, info)
		}
	}
	if !found {
		return 0, sim.ESRCH
	}
	return 0, nil
}

func sysTkill(t *Thread, a args) (uint64, error) {
	return t.sendThread(0, a[0], a[1], siTkill)
}

func sysTgkill(t *Thread, a args) (uint64, error) {
	if int32(a[0]) <= 0 {
		return 0, sim.EINVAL
	}
	return t.sendThread(int(int32(a[0])), a[1], a[2], siTkill)
}

func (t *Thread) sendThread(pid int, tid, sig uint64, code int32) (uint64, error) {
	if int32(tid) <= 0 {
		return 0, sim.EINVAL
	}
	if err := checkKill(sig); err != nil {
		return 0, err
	}
	to := t.sys.byTID(int(int32(tid)))
	if to == nil || pid != 0 && to.proc.pid != pid {
		return 0, sim.ESRCH
	}
	t.sys.send(to, sentInfo(int(sig), code, t.proc.pid), false)
	return 0, nil
}

// sysRtSigqueueinfo is rt_sigqueueinfo(pid, sig, info).
func sysRtSigqueueinfo(t *Thread, a args) (uint64, error) {
	if err := checkKill(a[1]); err != nil {
		return 0, err
	}
	var p [128]byte
	if err := t.copyIn(a[2], p[:]); err != nil {
		return 0, err
	}
	info := SigInfo{Signo: int32(a[1]), Errno: int32(get32(p[4:])), Code: int32(get32(p[8:]))}
	copy(info.Fields[:], p[16:])
	to := t.sys.byPID(int(int32(a[0])))
	if to == nil {
		return 0, sim.ESRCH
	}
	if to != t.proc && (info.Code >= 0 || info.Code == siTkill) {
		return 0, ePERM
	}
	if to.pending.full(int(info.Signo)) {
		return 0, sim.EAGAIN
	}
	t.sys.sendProcess(to, info)
	return 0, nil
}
