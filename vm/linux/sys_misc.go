package linux

import (
	"trapline/sim"
)

// miscCalls are the system calls that belong to no other family.
func miscCalls() map[uint64]call {
	return map[uint64]call{
		63:  {"uname", sysUname},
		97:  {"getrlimit", sysGetrlimit},
		99:  {"sysinfo", sysSysinfo},
		140: {"getpriority", sysGetpriority},
		141: {"setpriority", sysNothing},
		160: {"setrlimit", sysSetrlimit},
		203: {"sched_setaffinity", sysNothing},
		204: {"sched_getaffinity", sysSchedGetaffinity},
		302: {"prlimit64", sysPrlimit64},
		309: {"getcpu", sysGetcpu},
		318: {"getrandom", sysGetrandom},
	}
}

// sysUname is uname(2): a kernel of the version whose probes are the default.
func sysUname(t *Thread, a args) (uint64, error) {
	p := make([]byte, 6*65)
	for i, s := range [...]string{"Linux", "trapline", "6.18.0", "#1 SMP", "x86_64", "(none)"} {
		copy(p[65*i:], s)
	}
	return 0, t.copyOut(a[0], p)
}

const unlimited = ^uint64(0)

// The resources of getrlimit(2) that have a limit.
const (
	rlimitStack  = 3
	rlimitNofile = 7
	rlimitCore   = 4

	rlimitSigpending = 11
)

// limit is a resource limit, soft and hard.
func (p *process) limit(resource int) [2]uint64 {
	if l, ok := p.limits[resource]; ok {
		return l
	}
	switch resource {
	case rlimitStack:
		return [2]uint64{8 << 20, unlimited}
	case rlimitNofile:
		return [2]uint64{nofile, nofile}
	case rlimitSigpending:
		return [2]uint64{maxQueued, maxQueued}
	case rlimitCore:
		return [2]uint64{0, unlimited}
	}
	return [2]uint64{unlimited, unlimited}
}

// setLimit changes what limit returns. The limits that bind are those of the run.
func (p *process) setLimit(resource int, l [2]uint64) {
	limits := map[int][2]uint64{}
	for i := range 16 {
		limits[i] = p.limit(i)
	}
	limits[resource] = l
	p.limits = limits // children share the old one
}

func sysGetrlimit(t *Thread, a args) (uint64, error) {
	return sysPrlimit64(t, args{0, a[0], 0, a[1]})
}

func sysSetrlimit(t *Thread, a args) (uint64, error) {
	return sysPrlimit64(t, args{0, a[0], a[1], 0})
}

// sysPrlimit64 is prlimit64(pid, resource, new, old).
func sysPrlimit64(t *Thread, a args) (uint64, error) {
	p, err := t.group(a[0])
	if err != nil {
		return 0, err
	}
	if a[1] >= 16 {
		return 0, sim.EINVAL
	}
	old := p.limit(int(a[1]))
	if a[2] != 0 {
		var b [16]byte
		if err := t.copyIn(a[2], b[:]); err != nil {
			return 0, err
		}
		next := [2]uint64{get64(b[:]), get64(b[8:])}
		if next[0] > next[1] {
			return 0, sim.EINVAL
		}
		if a[1] == rlimitNofile && next[1] > nofile {
			return 0, ePERM
		}
		p.setLimit(int(a[1]), next)
	}
	if a[3] == 0 {
		return 0, nil
	}
	return 0, t.copyOut(a[3], append(le64(old[0]), le64(old[1])...))
}

func sysSysinfo(t *Thread, a args) (uint64, error) {
	p := make([]byte, 112)
	total := t.sys.memory()
	put64(p, uint64(t.sys.now/second))
	put64(p[32:], total)
	put64(p[40:], total)
	put16(p[80:], uint16(t.sys.threads))
	put32(p[104:], 1)
	return 0, t.copyOut(a[0], p)
}

// memory is how much memory the program is told that there is.
func (s *system) memory() uint64 {
	if s.MaxMemory != 0 {
		return s.MaxMemory
	}
	return 4 << 30
}

// sysGetpriority returns 20 less the niceness.
func sysGetpriority(*Thread, args) (uint64, error) { return 20, nil }

// sysSchedGetaffinity is sched_getaffinity(pid, size, mask).
func sysSchedGetaffinity(t *Thread, a args) (uint64, error) {
	if a[1] < 8 || a[1]%8 != 0 {
		return 0, sim.EINVAL
	}
	return 8, t.copyOut(a[2], le64(1<<min(t.sys.CPUs, 63)-1))
}

func sysGetcpu(t *Thread, a args) (uint64, error) {
	for _, addr := range a[:2] {
		if addr == 0 {
			continue
		}
		if err := t.copyOut(addr, le32(0)); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// sysGetrandom is getrandom(buffer, size, flags).
func sysGetrandom(t *Thread, a args) (uint64, error) {
	if a[2]&^7 != 0 {
		return 0, sim.EINVAL
	}
	total := uint64(0)
	for left := min(a[1], 32<<20); left > 0; {
		p := make([]byte, min(left, ioPiece))
		t.sys.random(p)
		if err := t.copyOut(a[0]+total, p); err != nil {
			if total > 0 {
				return total, nil
			}
			return 0, err
		}
		total += uint64(len(p))
		left -= uint64(len(p))
	}
	return total, nil
}
