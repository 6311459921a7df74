package linux

import (
	"fmt"
	"maps"

	"trapline/sim"
	"trapline/vm/x86"
)

// args are the arguments of a system call: rdi, rsi, rdx, r10, r8, r9.
type args [6]uint64

// A call is an entry of the table of system calls.
type call struct {
	name string
	f    func(t *Thread, a args) (uint64, error)
}

// callTable is the table of system calls, by number.
func callTable() map[uint64]call {
	all := map[uint64]call{}
	for _, family := range []func() map[uint64]call{fileCalls, pathCalls, memoryCalls, processCalls, signalCalls, timeCalls, waitCalls, miscCalls} {
		maps.Copy(all, family())
	}
	return all
}

// waitCalls are those of poll.go, futex.go and wait.go.
func waitCalls() map[uint64]call {
	return map[uint64]call{
		7:   {"poll", sysPoll},
		23:  {"select", sysSelect},
		61:  {"wait4", sysWait4},
		202: {"futex", sysFutex},
		213: {"epoll_create", sysEpollCreate},
		232: {"epoll_wait", sysEpollWait},
		233: {"epoll_ctl", sysEpollCtl},
		247: {"waitid", sysWaitid},
		270: {"pselect6", sysPselect6},
		271: {"ppoll", sysPpoll},
		281: {"epoll_pwait", sysEpollPwait},
		291: {"epoll_create1", sysEpollCreate1},
		441: {"epoll_pwait2", sysEpollPwait2},
	}
}

// sysEpollCreate is epoll_create(size).
func sysEpollCreate(t *Thread, a args) (uint64, error) {
	if int32(a[0]) <= 0 {
		return 0, sim.EINVAL
	}
	return sysEpollCreate1(t, args{})
}

const sysRestartSyscall = 219

// errnoResult is how a system call returns an error.
func errnoResult(e sim.Errno) uint64 { return uint64(-int64(e)) }

// syscall is do_syscall_64(): the call whose number is in rax.
func (t *Thread) syscall() {
	s := t.sys
	s.calls++
	s.now += callTime
	t.k.Step(opCall, &s.lock, sim.Write)
	r := func(n int) uint64 { return t.cpu.Reg(n) }
	nr := r(rax)
	a := args{r(x86.RDI), r(x86.RSI), r(x86.RDX), r(x86.R10), r(x86.R8), r(x86.R9)}
	t.origRAX = nr
	if t.k.Tracing() {
		t.k.Note("%d(%#x, %#x, %#x)", nr, a[0], a[1], a[2])
	}
	v, err := t.call(nr, a)
	if t.exiting {
		return
	}
	if err != nil {
		v = errnoResult(errnoOf(err))
	}
	t.cpu.SetReg(rax, v)
}

// callTime is how many nanoseconds a system call takes by itself.
const callTime = 100

func (t *Thread) call(nr uint64, a args) (uint64, error) {
	s := t.sys
	if s.probes != nil {
		if v, ok := s.probes.Syscall(t, nr); ok {
			t.origRAX = noCall
			return v, nil
		}
	}
	c, ok := s.table[nr]
	if !ok {
		if s.Verbose && !s.unknown[nr] {
			s.unknown[nr] = true
			t.note("system call %d(%#x, %#x, %#x): not known, ENOSYS", nr, a[0], a[1], a[2])
		}
		return 0, eNOSYS
	}
	return c.f(t, a)
}

// Syscalls lists the system calls that there are, as "number name", in order.
func Syscalls() []string {
	table := callTable()
	var list []string
	for nr := range uint64(512) {
		if c, ok := table[nr]; ok {
			list = append(list, fmt.Sprintf("%d %s", nr, c.name))
		}
	}
	return list
}
