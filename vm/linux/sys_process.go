package linux

import (
	"trapline/sim"
	"trapline/vm/x86"
)

// processCalls are the system calls on processes and threads.
func processCalls() map[uint64]call {
	return map[uint64]call{
		39:  {"getpid", sysGetpid},
		56:  {"clone", sysClone},
		57:  {"fork", sysFork},
		58:  {"vfork", sysVfork},
		59:  {"execve", sysExecve},
		60:  {"exit", sysExit},
		102: {"getuid", sysNothing},
		104: {"getgid", sysNothing},
		105: {"setuid", sysNothing},
		106: {"setgid", sysNothing},
		107: {"geteuid", sysNothing},
		108: {"getegid", sysNothing},
		109: {"setpgid", sysSetpgid},
		110: {"getppid", sysGetppid},
		111: {"getpgrp", sysGetpgrp},
		112: {"setsid", sysSetsid},
		115: {"getgroups", sysNothing},
		116: {"setgroups", sysNothing},
		117: {"setresuid", sysNothing},
		118: {"getresuid", sysGetresid},
		119: {"setresgid", sysNothing},
		120: {"getresgid", sysGetresid},
		121: {"getpgid", sysGetpgid},
		124: {"getsid", sysGetsid},
		157: {"prctl", sysPrctl},
		158: {"arch_prctl", sysArchPrctl},
		186: {"gettid", sysGettid},
		218: {"set_tid_address", sysSetTIDAddress},
		231: {"exit_group", sysExitGroup},
		273: {"set_robust_list", sysSetRobustList},
		322: {"execveat", sysExecveat},
		435: {"clone3", sysClone3},
	}
}

func sysGetpid(t *Thread, _ args) (uint64, error)  { return uint64(t.proc.pid), nil }
func sysGettid(t *Thread, _ args) (uint64, error)  { return uint64(t.tid), nil }
func sysGetpgrp(t *Thread, _ args) (uint64, error) { return uint64(t.proc.pgid), nil }

func sysGetppid(t *Thread, _ args) (uint64, error) { return uint64(t.proc.parent.pid), nil }

func sysFork(t *Thread, _ args) (uint64, error) {
	return t.clone(cloneRequest{exitSignal: sigCHLD})
}

func sysVfork(t *Thread, _ args) (uint64, error) {
	return t.clone(cloneRequest{flags: cloneVM | cloneVfork, exitSignal: sigCHLD})
}

// sysClone is clone(flags, stack, parent_tid, child_tid, tls).
func sysClone(t *Thread, a args) (uint64, error) {
	return t.clone(cloneRequest{flags: a[0] &^ 0xff, exitSignal: int(a[0] & 0xff), stack: a[1], parentTID: a[2], childTID: a[3], tls: a[4]})
}

// sysClone3 is clone3(args, size).
func sysClone3(t *Thread, a args) (uint64, error) {
	switch {
	case a[1] < 64:
		return 0, sim.EINVAL
	case a[1] > x86.PageSize:
		return 0, e2BIG
	}
	p := make([]byte, max(a[1], 88))
	if err := t.copyIn(a[0], p[:a[1]]); err != nil {
		return 0, err
	}
	f := func(i int) uint64 { return get64(p[8*i:]) }
	for _, b := range p[64:] {
		if b != 0 { // set_tid, cgroup, or what is not known yet
			return 0, sim.EINVAL
		}
	}
	if f(0)&0xff != 0 || f(1) != 0 && f(0)&0x1000 != 0 || f(4) > lastSig || (f(5) == 0) != (f(6) == 0) {
		return 0, sim.EINVAL
	}
	stack := uint64(0)
	if f(5) != 0 {
		stack = f(5) + f(6)
	}
	return t.clone(cloneRequest{flags: f(0), childTID: f(2), parentTID: f(3), exitSignal: int(f(4)), stack: stack, tls: f(7)})
}

func sysExit(t *Thread, a args) (uint64, error) {
	t.exit(int(a[0]&0xff) << 8)
	return 0, nil
}

func sysExitGroup(t *Thread, a args) (uint64, error) {
	t.exitGroup(int(a[0]&0xff) << 8)
	return 0, nil
}

// group is the process of a number; 0 is the caller's.
func (t *Thread) group(pid uint64) (*process, error) {
	if int32(pid) == 0 {
		return t.proc, nil
	}
	if p := t.sys.byPID(int(int32(pid))); p != nil {
		return p, nil
	}
	return nil, sim.ESRCH
}

func sysSetpgid(t *Thread, a args) (uint64, error) {
	p, err := t.group(a[0])
	if err != nil {
		return 0, err
	}
	if p != t.proc && p.parent != t.proc {
		return 0, sim.ESRCH
	}
	if p.sid == p.pid {
		return 0, ePERM
	}
	pgid := int(int32(a[1]))
	if pgid < 0 {
		return 0, sim.EINVAL
	}
	if pgid == 0 {
		pgid = p.pid
	}
	p.pgid = pgid
	return 0, nil
}

func sysGetpgid(t *Thread, a args) (uint64, error) {
	p, err := t.group(a[0])
	if err != nil {
		return 0, err
	}
	return uint64(p.pgid), nil
}

func sysGetsid(t *Thread, a args) (uint64, error) {
	p, err := t.group(a[0])
	if err != nil {
		return 0, err
	}
	return uint64(p.sid), nil
}

func sysSetsid(t *Thread, _ args) (uint64, error) {
	p := t.proc
	if p.pgid == p.pid {
		return 0, ePERM
	}
	p.pgid, p.sid = p.pid, p.pid
	return uint64(p.pid), nil
}

func sysGetresid(t *Thread, a args) (uint64, error) {
	for _, addr := range a[:3] {
		if err := t.copyOut(addr, le32(0)); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// The operations of prctl(2) that programs at the baseline use.
const (
	prGetDumpable  = 3
	prSetDumpable  = 4
	prSetName      = 15
	prGetName      = 16
	prSetNoNewPriv = 38
	prGetNoNewPriv = 39
)

func sysPrctl(t *Thread, a args) (uint64, error) {
	switch a[0] {
	case prSetName:
		name, err := t.readString(a[1], 16)
		if err == sim.ENOENT { // longer: the first 15 bytes
			var p [15]byte
			err = t.copyIn(a[1], p[:])
			name = string(p[:])
		}
		if err != nil {
			return 0, err
		}
		t.comm = name
		if t.tid == t.proc.pid {
			t.proc.comm = name
		}
		return 0, nil
	case prGetName:
		return 0, t.copyOut(a[1], append([]byte(t.comm), make([]byte, 16-len(t.comm))...))
	case prGetDumpable:
		return 1, nil
	case prSetDumpable, prSetNoNewPriv:
		return 0, nil
	case prGetNoNewPriv:
		return 0, nil
	}
	return 0, sim.EINVAL
}

// sysArchPrctl is arch_prctl(code, addr).
func sysArchPrctl(t *Thread, a args) (uint64, error) {
	const setGS, setFS, getFS, getGS = 0x1001, 0x1002, 0x1003, 0x1004
	switch a[0] {
	case setFS, setGS:
		if a[1] >= taskSize {
			return 0, ePERM
		}
		if a[0] == setFS {
			t.cpu.SetFSBase(a[1])
		} else {
			t.cpu.SetGSBase(a[1])
		}
		return 0, nil
	case getFS:
		return 0, t.copyOut(a[1], le64(t.cpu.State().FSBase))
	case getGS:
		return 0, t.copyOut(a[1], le64(t.cpu.State().GSBase))
	}
	return 0, sim.EINVAL
}

func sysSetTIDAddress(t *Thread, a args) (uint64, error) {
	t.clearTID = a[0]
	return uint64(t.tid), nil
}

func sysSetRobustList(t *Thread, a args) (uint64, error) {
	if a[1] != 24 {
		return 0, sim.EINVAL
	}
	t.robust = a[0]
	return 0, nil
}
