package linux

import "trapline/sim"

// The options of wait4(2).
const (
	wNohang    = 1
	wUntraced  = 2
	wExited    = 4
	wContinued = 8
	wNowait    = 0x1000000
)

// The kinds of waitid(2).
const (
	pAll  = 0
	pPID  = 1
	pPGID = 2
)

// An event is what wait has found out about a child.
type childEvent struct {
	p      *process
	status int
	code   int32
	value  int32
}

// waitChild is do_wait() for the children that want accepts.
func (t *Thread) waitChild(want func(*process) bool, options uint64) (childEvent, error) {
	var e childEvent
	none := false
	poll := func() bool {
		var found bool
		e, found, none = t.proc.event(want, options)
		return found || none
	}
	if !poll() {
		if options&wNohang != 0 {
			return childEvent{}, nil
		}
		if !t.block(poll, never) {
			return childEvent{}, sim.ERESTARTSYS
		}
	}
	if none {
		return childEvent{}, eCHILD
	}
	if options&wNowait == 0 {
		switch e.code {
		case cldStopped:
			e.p.stopReported = true
		case cldContinued:
			e.p.continued = false
		default:
			t.sys.reap(e.p)
		}
	}
	return e, nil
}

// event is what there is to report of a child; none says that there is no child
// to wait for.
func (p *process) event(want func(*process) bool, options uint64) (e childEvent, found, none bool) {
	none = true
	for _, c := range p.children {
		if !want(c) {
			continue
		}
		none = false
		switch {
		case c.zombie && options&wExited != 0:
			e = childEvent{p: c, status: c.exitStatus, code: cldExited, value: int32(c.exitStatus >> 8 & 0xff)}
			if sig := c.exitStatus & 0x7f; sig != 0 {
				e.code, e.value = cldKilled, int32(sig)
				if c.exitStatus&0x80 != 0 {
					e.code = cldDumped
				}
			}
			return e, true, false
		case c.stopped && !c.stopReported && options&wUntraced != 0:
			return childEvent{c, c.stopSig<<8 | 0x7f, cldStopped, int32(c.stopSig)}, true, false
		case c.continued && options&wContinued != 0:
			return childEvent{c, 0xffff, cldContinued, sigCONT}, true, false
		}
	}
	return e, false, none
}

// sysWait4 is wait4(pid, status, options, rusage).
func sysWait4(t *Thread, a args) (uint64, error) {
	pid := int(int32(a[0]))
	options := a[2]
	if options&^uint64(wNohang|wUntraced|wContinued|0xe0000000) != 0 {
		return 0, sim.EINVAL
	}
	want := func(c *process) bool {
		switch {
		case pid == -1:
			return true
		case pid == 0:
			return c.pgid == t.proc.pgid
		case pid < 0:
			return c.pgid == -pid
		}
		return c.pid == pid
	}
	e, err := t.waitChild(want, options|wExited)
	if err != nil || e.p == nil {
		return 0, err
	}
	if a[1] != 0 {
		if err := t.copyOut(a[1], le32(uint32(e.status))); err != nil {
			return 0, err
		}
	}
	if a[3] != 0 {
		if err := t.copyOut(a[3], rusage(e.p.cpuTime+e.p.childTime)); err != nil {
			return 0, err
		}
	}
	return uint64(e.p.pid), nil
}

// sysWaitid is waitid(which, id, info, options, rusage).
func sysWaitid(t *Thread, a args) (uint64, error) {
	id, options := int(int32(a[1])), a[3]
	if options&^uint64(wNohang|wUntraced|wContinued|wExited|wNowait|0xe0000000) != 0 || options&(wUntraced|wContinued|wExited) == 0 {
		return 0, sim.EINVAL
	}
	var want func(c *process) bool
	switch a[0] {
	case pAll:
		want = func(*process) bool { return true }
	case pPID:
		want = func(c *process) bool { return c.pid == id }
	case pPGID:
		want = func(c *process) bool { return c.pgid == id || id == 0 && c.pgid == t.proc.pgid }
	default:
		return 0, sim.EINVAL
	}
	e, err := t.waitChild(want, options)
	if err != nil {
		return 0, err
	}
	if a[2] != 0 {
		var info SigInfo
		if e.p != nil {
			info = sentInfo(sigCHLD, e.code, e.p.pid)
			put32(info.Fields[8:], uint32(e.value))
		}
		var p [128]byte
		info.encode(p[:])
		if err := t.copyOut(a[2], p[:]); err != nil {
			return 0, err
		}
	}
	if a[4] != 0 && e.p != nil {
		return 0, t.copyOut(a[4], rusage(e.p.cpuTime+e.p.childTime))
	}
	return 0, nil
}
