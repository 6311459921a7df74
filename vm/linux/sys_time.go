package linux

import (
	"math"

	"trapline/sim"
)

// timeCalls are the system calls on clocks and timers.
func timeCalls() map[uint64]call {
	return map[uint64]call{
		24:  {"sched_yield", sysNothing},
		35:  {"nanosleep", sysNanosleep},
		36:  {"getitimer", sysGetitimer},
		37:  {"alarm", sysAlarm},
		38:  {"setitimer", sysSetitimer},
		96:  {"gettimeofday", sysGettimeofday},
		98:  {"getrusage", sysGetrusage},
		100: {"times", sysTimes},
		201: {"time", sysTime},
		219: {"restart_syscall", sysRestart},
		222: {"timer_create", sysTimerCreate},
		223: {"timer_settime", sysTimerSettime},
		224: {"timer_gettime", sysTimerGettime},
		225: {"timer_getoverrun", sysTimerGetoverrun},
		226: {"timer_delete", sysTimerDelete},
		228: {"clock_gettime", sysClockGettime},
		229: {"clock_getres", sysClockGetres},
		230: {"clock_nanosleep", sysClockNanosleep},
	}
}

const second = 1_000_000_000

// seconds is a number of seconds in nanoseconds, as many as there can be.
func seconds(n int64) int64 {
	if n > math.MaxInt64/second-1 {
		return math.MaxInt64 - second
	}
	return n * second
}

// after is the virtual time in so many nanoseconds.
func (s *system) after(d int64) int64 {
	if d > never-s.now {
		return never
	}
	return s.now + d
}

// timespec reads a struct timespec.
func (t *Thread) timespec(addr uint64) (int64, error) {
	var p [16]byte
	if err := t.copyIn(addr, p[:]); err != nil {
		return 0, err
	}
	sec, nsec := int64(get64(p[:])), get64(p[8:])
	if sec < 0 || nsec >= second {
		return 0, sim.EINVAL
	}
	return seconds(sec) + int64(nsec), nil
}

// timeout reads a struct timespec that says how long to wait; none is for ever.
func (t *Thread) timeout(addr uint64) (deadline int64, err error) {
	if addr == 0 {
		return never, nil
	}
	d, err := t.timespec(addr)
	if err != nil {
		return 0, err
	}
	return t.sys.after(d), nil
}

func timespecBytes(ns int64) []byte {
	return append(le64(uint64(ns/second)), le64(uint64(ns%second))...)
}

func timevalBytes(ns int64) []byte {
	return append(le64(uint64(ns/second)), le64(uint64(ns%second/1000))...)
}

// read is the time of a clock, clock_gettime(2).
func (t *Thread) clockTime(id uint64) (int64, error) {
	switch int32(id) {
	case 0, 5, 8, 11: // CLOCK_REALTIME, its coarse form, its alarm, CLOCK_TAI
		return t.sys.wallClock(), nil
	case 1, 4, 6, 7, 9: // CLOCK_MONOTONIC, raw, coarse, CLOCK_BOOTTIME, its alarm
		return t.sys.now, nil
	case 2:
		return t.proc.cpu(), nil
	case 3:
		return t.insns, nil
	}
	if int32(id) < 0 && id&7 == 6 { // a thread's: ~tid << 3 | 6
		if u := t.sys.byTID(int(^(int32(id) >> 3))); u != nil && u.proc == t.proc {
			return u.insns, nil
		}
	}
	return 0, sim.EINVAL
}

// cpu is the time that the process has used, a nanosecond an instruction.
func (p *process) cpu() int64 {
	n := p.cpuTime
	for _, t := range p.threads {
		n += t.insns
	}
	return n
}

func sysClockGettime(t *Thread, a args) (uint64, error) {
	now, err := t.clockTime(a[0])
	if err != nil {
		return 0, err
	}
	return 0, t.copyOut(a[1], timespecBytes(now))
}

func sysClockGetres(t *Thread, a args) (uint64, error) {
	if _, err := t.clockTime(a[0]); err != nil {
		return 0, err
	}
	if a[1] == 0 {
		return 0, nil
	}
	return 0, t.copyOut(a[1], timespecBytes(1))
}

func sysGettimeofday(t *Thread, a args) (uint64, error) {
	if a[0] != 0 {
		if err := t.copyOut(a[0], timevalBytes(t.sys.wallClock())); err != nil {
			return 0, err
		}
	}
	if a[1] == 0 {
		return 0, nil
	}
	return 0, t.copyOut(a[1], make([]byte, 8))
}

func sysTime(t *Thread, a args) (uint64, error) {
	now := uint64(t.sys.wallClock() / second)
	if a[0] == 0 {
		return now, nil
	}
	return now, t.copyOut(a[0], le64(now))
}

func sysNanosleep(t *Thread, a args) (uint64, error) {
	d, err := t.timespec(a[0])
	if err != nil {
		return 0, err
	}
	return t.sleepUntil(t.sys.after(d), a[1])
}

// sysClockNanosleep is clock_nanosleep(clock, flags, request, remain).
func sysClockNanosleep(t *Thread, a args) (uint64, error) {
	if _, err := t.clockTime(a[0]); err != nil {
		return 0, err
	}
	d, err := t.timespec(a[2])
	if err != nil {
		return 0, err
	}
	if a[1]&1 == 0 {
		return t.sleepUntil(t.sys.after(d), a[3])
	}
	if int32(a[0]) == 0 {
		d -= bootTime
	}
	t.block(func() bool { return false }, d)
	if t.sys.now < d {
		return 0, eRESTARTNOHND
	}
	return 0, nil
}

// sleepUntil sleeps; a signal without a handler does not make it longer.
func (t *Thread) sleepUntil(deadline int64, remain uint64) (uint64, error) {
	t.block(func() bool { return false }, deadline)
	left := deadline - t.sys.now
	if left <= 0 {
		return 0, nil
	}
	if remain != 0 {
		if err := t.copyOut(remain, timespecBytes(left)); err != nil {
			return 0, err
		}
	}
	t.restart = func() (uint64, error) { return t.sleepUntil(deadline, remain) }
	return 0, eRESTARTBLOCK
}

// sysRestart is restart_syscall(2): what a signal without a handler interrupted
// goes on.
func sysRestart(t *Thread, _ args) (uint64, error) {
	f := t.restart
	t.restart = nil
	if f == nil {
		return 0, sim.EINTR
	}
	return f()
}

// rusage is struct rusage of a process that has used so much time.
func rusage(ns int64) []byte {
	p := make([]byte, 144)
	copy(p, timevalBytes(ns))
	return p
}

func sysGetrusage(t *Thread, a args) (uint64, error) {
	var used int64
	switch int32(a[0]) {
	case 0:
		used = t.proc.cpu()
	case -1:
		used = t.proc.childTime
	case 1:
		used = t.insns
	default:
		return 0, sim.EINVAL
	}
	return 0, t.copyOut(a[1], rusage(used))
}

func sysTimes(t *Thread, a args) (uint64, error) {
	const tick = second / 100
	now := uint64(t.sys.now / tick)
	if a[0] == 0 {
		return now, nil
	}
	p := make([]byte, 32)
	put64(p, uint64(t.proc.cpu()/tick))
	put64(p[16:], uint64(t.proc.childTime/tick))
	return now, t.copyOut(a[0], p)
}

// value is what getitimer(2) and timer_gettime(2) return of a timer.
func (s *system) value(tm *timer) (left, interval int64) {
	if tm.at == 0 {
		return 0, tm.interval
	}
	return max(tm.at-s.now, 1), tm.interval
}

func sysGetitimer(t *Thread, a args) (uint64, error) {
	if a[0] > 2 {
		return 0, sim.EINVAL
	}
	var left, interval int64
	if a[0] == 0 {
		left, interval = t.sys.value(&t.proc.alarm)
	}
	return 0, t.copyOut(a[1], append(timevalBytes(interval), timevalBytes(left)...))
}

// sysSetitimer is setitimer(which, new, old). There is only the real time; the
// other two never come.
func sysSetitimer(t *Thread, a args) (uint64, error) {
	if a[0] > 2 {
		return 0, sim.EINVAL
	}
	var p [32]byte
	if a[1] != 0 {
		if err := t.copyIn(a[1], p[:]); err != nil {
			return 0, err
		}
	}
	var v [2]int64
	for i := range v {
		sec, usec := int64(get64(p[16*i:])), get64(p[16*i+8:])
		if sec < 0 || usec >= 1_000_000 {
			return 0, sim.EINVAL
		}
		v[i] = seconds(sec) + int64(usec)*1000
	}
	if a[2] != 0 {
		if _, err := sysGetitimer(t, args{a[0], a[2]}); err != nil {
			return 0, err
		}
	}
	if a[0] == 0 {
		t.setAlarm(v[1], v[0])
	}
	return 0, nil
}

func (t *Thread) setAlarm(in, interval int64) {
	tm := &t.proc.alarm
	tm.proc = t.proc
	tm.info = SigInfo{Signo: sigALRM, Code: siKernel}
	at := int64(0)
	if in > 0 {
		at = t.sys.after(in)
	}
	t.sys.arm(tm, at, interval)
}

func sysAlarm(t *Thread, a args) (uint64, error) {
	left, _ := t.sys.value(&t.proc.alarm)
	t.setAlarm(seconds(int64(uint32(a[0]))), 0)
	return uint64((left + second - 1) / second), nil
}

// sysTimerCreate is timer_create(clock, event, id).
func sysTimerCreate(t *Thread, a args) (uint64, error) {
	if _, err := t.clockTime(a[0]); err != nil {
		return 0, err
	}
	if len(t.proc.posix) >= maxQueued {
		return 0, sim.EAGAIN
	}
	tm := &timer{proc: t.proc, clock: a[0], id: int32(len(t.proc.posix))}
	sig, notify, value := uint32(sigALRM), uint32(0), uint64(tm.id)
	if a[1] != 0 {
		var p [64]byte
		if err := t.copyIn(a[1], p[:]); err != nil {
			return 0, err
		}
		value, sig, notify = get64(p[:]), get32(p[8:]), get32(p[12:])
		if notify == 4 { // SIGEV_THREAD_ID
			tm.thread = t.sys.byTID(int(int32(get32(p[16:]))))
			if tm.thread == nil || tm.thread.proc != t.proc {
				return 0, sim.EINVAL
			}
		}
	}
	switch {
	case notify == 1:
		tm.silent = true
	case notify != 0 && notify != 4, sig < 1, sig > lastSig:
		return 0, sim.EINVAL
	}
	tm.info = SigInfo{Signo: int32(sig), Code: siTimer}
	put32(tm.info.Fields[:], uint32(tm.id))
	put64(tm.info.Fields[8:], value)
	t.proc.posix = append(t.proc.posix, tm)
	return 0, t.copyOut(a[2], le32(uint32(tm.id)))
}

// timer is a timer of the process.
func (t *Thread) timer(id uint64) (*timer, error) {
	if id < uint64(len(t.proc.posix)) && t.proc.posix[id].proc != nil {
		return t.proc.posix[id], nil
	}
	return nil, sim.EINVAL
}

// sysTimerSettime is timer_settime(id, flags, new, old).
func sysTimerSettime(t *Thread, a args) (uint64, error) {
	tm, err := t.timer(a[0])
	if err != nil {
		return 0, err
	}
	interval, err := t.timespec(a[2])
	if err != nil {
		return 0, err
	}
	value, err := t.timespec(a[2] + 16)
	if err != nil {
		return 0, err
	}
	if a[3] != 0 {
		if _, err := sysTimerGettime(t, args{a[0], a[3]}); err != nil {
			return 0, err
		}
	}
	at := value
	switch {
	case value == 0:
	case a[1]&1 == 0:
		at = t.sys.after(value)
	case int32(tm.clock) == 0:
		at = max(value-bootTime, 1)
	}
	tm.overrun, tm.queued = 0, false
	t.sys.arm(tm, at, interval)
	return 0, nil
}

func sysTimerGettime(t *Thread, a args) (uint64, error) {
	tm, err := t.timer(a[0])
	if err != nil {
		return 0, err
	}
	left, interval := t.sys.value(tm)
	return 0, t.copyOut(a[1], append(timespecBytes(interval), timespecBytes(left)...))
}

func sysTimerGetoverrun(t *Thread, a args) (uint64, error) {
	tm, err := t.timer(a[0])
	if err != nil {
		return 0, err
	}
	return uint64(tm.overrun), nil
}

func sysTimerDelete(t *Thread, a args) (uint64, error) {
	tm, err := t.timer(a[0])
	if err != nil {
		return 0, err
	}
	t.sys.arm(tm, 0, 0)
	tm.proc = nil
	return 0, nil
}
