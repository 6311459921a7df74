package linux

import (
	"slices"

	"trapline/sim"
)

// A process is a group of threads: what signal_struct has of it, and its place
// among the others.
type process struct {
	pid, pgid, sid int
	parent         *process
	children       []*process
	threads        []*Thread // that have not ended; the leader may be gone
	comm           string
	exitSignal     int // to the parent, when the last thread has ended

	pending sigQueue // signals to any thread

	exiting    bool // all threads are to end
	exitStatus int  // as wait(2) has it
	zombie     bool

	stopped, stopReported bool
	stopSig               int
	continued             bool // and the parent has not been told

	alarm     timer // ITIMER_REAL
	posix     []*timer
	vforked   bool // it uses the memory of its parent, which waits
	limits    map[int][2]uint64
	cpuTime   int64 // instructions of threads that have ended
	childTime int64
}

// An fsInfo is struct fs_struct.
type fsInfo struct {
	cwd   *node
	umask uint32
	users int
}

// The flags of clone(2).
const (
	cloneVM            = 0x100
	cloneFS            = 0x200
	cloneFiles         = 0x400
	cloneSighand       = 0x800
	cloneVfork         = 0x4000
	cloneParent        = 0x8000
	cloneThread        = 0x10000
	cloneNewns         = 0x20000
	cloneSettls        = 0x80000
	cloneParentSettid  = 0x100000
	cloneChildCleartid = 0x200000
	cloneUntraced      = 0x800000
	cloneChildSettid   = 0x1000000
	cloneNamespaces    = 0x7e020080 // CLONE_NEWNS and its like
)

// A cloneRequest is struct kernel_clone_args.
type cloneRequest struct {
	flags               uint64
	exitSignal          int
	stack, tls          uint64
	parentTID, childTID uint64
}

// clone is kernel_clone().
func (t *Thread) clone(r cloneRequest) (uint64, error) {
	s, flags := t.sys, r.flags
	switch {
	case flags&cloneNamespaces != 0:
		return 0, ePERM
	case flags&cloneThread != 0 && flags&cloneSighand == 0, flags&cloneSighand != 0 && flags&cloneVM == 0:
		return 0, sim.EINVAL
	case s.threads >= s.maxThreads:
		return 0, sim.EAGAIN
	case flags&cloneVM == 0 && s.full(t.space.mm.Pages()):
		return 0, sim.ENOMEM
	}
	c := &Thread{sys: s, tid: s.newPID(), sched: t.sched}
	c.mask, c.comm = t.mask, t.comm
	// First what can fail, and sleep.
	if flags&cloneVM != 0 {
		c.space = t.space
		c.space.users++
	} else {
		space, err := t.dupSpace()
		if err != nil {
			return 0, err
		}
		c.space = space
	}
	c.newCPU(t.k)
	if flags&cloneFiles != 0 {
		c.files = t.files
		c.files.users++
	} else {
		c.files = t.copyFiles()
	}
	if flags&cloneFS != 0 {
		c.fs = t.fs
		c.fs.users++
	} else {
		c.fs = &fsInfo{cwd: t.fs.cwd, umask: t.fs.umask, users: 1}
	}
	if flags&cloneSighand != 0 {
		c.sig = t.sig
		c.sig.users++
	} else {
		c.sig = &sighand{actions: t.sig.actions, users: 1}
	}
	if flags&(cloneVM|cloneVfork) != cloneVM {
		c.alt = t.alt
	}

	state := t.cpu.State()
	state.R[rax] = 0
	if r.stack != 0 {
		state.R[rsp] = r.stack
	}
	if flags&cloneSettls != 0 {
		state.FSBase = r.tls
	}
	c.cpu.SetState(state)
	c.origRAX = noCall
	if flags&cloneChildCleartid != 0 {
		c.clearTID = r.childTID
	}
	if flags&cloneChildSettid != 0 {
		c.setTID = r.childTID
	}
	if flags&cloneThread != 0 {
		c.proc = t.proc
	} else {
		c.proc = s.newProcess(t, c.tid, flags, r.exitSignal)
	}
	c.proc.threads = append(c.proc.threads, c)
	if s.probes != nil {
		s.probes.Fork(t, c, flags)
	}
	if flags&cloneParentSettid != 0 {
		_ = t.copyOut(r.parentTID, le32(uint32(c.tid)))
	}
	s.start(t.k, c)
	if flags&cloneVfork != 0 {
		// The child uses our stack until it execs or exits.
		c.proc.vforked = true
		t.sleep(func() bool { return !c.proc.vforked || t.fatalPending() }, never, false)
	}
	return uint64(c.tid), nil
}

// newProcess is the part of copy_process() that makes a thread group.
func (s *system) newProcess(t *Thread, pid int, flags uint64, exitSignal int) *process {
	p := t.proc
	parent := p
	if flags&cloneParent != 0 && p.parent != nil {
		parent, exitSignal = p.parent, p.exitSignal
	}
	c := &process{pid: pid, pgid: p.pgid, sid: p.sid, parent: parent, comm: p.comm, exitSignal: exitSignal, limits: p.limits}
	parent.children = append(parent.children, c)
	s.processes = append(s.processes, c)
	return c
}

// exitGroup is do_group_exit(): all threads of the process end with a status.
func (t *Thread) exitGroup(status int) {
	p := t.proc
	if !p.exiting {
		p.exiting, p.exitStatus = true, status
	}
	for _, u := range p.threads {
		u.sigPending = true
	}
	t.exit(p.exitStatus)
}

// exit is do_exit(): the thread ends, and the process with its last one. The
// caller returns to the loop of the thread.
func (t *Thread) exit(status int) {
	s, p := t.sys, t.proc
	if t.exiting {
		return
	}
	t.exiting = true
	if s.probes != nil {
		s.probes.Exit(t)
	}
	t.releaseRobust()
	t.releaseSpace()
	t.putFiles()
	t.fs.users--
	t.sig.users--
	p.cpuTime += t.insns
	p.threads = slices.DeleteFunc(p.threads, func(u *Thread) bool { return u == t })
	if len(p.threads) > 0 {
		if !p.exiting {
			p.exitStatus = status // of the last one to end
		}
		return
	}
	if !p.exiting {
		p.exitStatus = status
	}
	p.exiting = true
	s.processEnds(p)
}

// processEnds is exit_notify(): the children get a new parent, and the old one
// is told.
func (s *system) processEnds(p *process) {
	s.arm(&p.alarm, 0, 0)
	s.deleteTimers(p)
	if p == s.first {
		s.shutDown(p)
	}
	for _, c := range p.children {
		c.parent = s.initProcess
		s.initProcess.children = append(s.initProcess.children, c)
		if c.zombie {
			s.reap(c)
		}
	}
	p.children = nil
	p.zombie = true
	parent := p.parent
	if parent == nil || len(parent.threads) == 0 {
		s.reap(p)
		return
	}
	code, status := int32(cldExited), p.exitStatus>>8&0xff
	if sig := p.exitStatus & 0x7f; sig != 0 {
		code, status = cldKilled, sig
		if p.exitStatus&0x80 != 0 {
			code = cldDumped
		}
	}
	h := parent.threads[0].sig
	a := h.actions[sigCHLD]
	autoreap := p.exitSignal == sigCHLD && (a.handler == sigIgn || a.flags&saNocldwait != 0)
	if !(autoreap && a.handler == sigIgn) {
		s.tellParent(p, code, status)
	}
	if autoreap {
		s.reap(p)
	}
}

// reap is release_task().
func (s *system) reap(p *process) {
	if parent := p.parent; parent != nil {
		parent.children = slices.DeleteFunc(parent.children, func(c *process) bool { return c == p })
		parent.childTime += p.cpuTime + p.childTime
	}
	s.processes = slices.DeleteFunc(s.processes, func(c *process) bool { return c == p })
}

// shutDown ends everything when the first process has ended: as in a PID
// namespace, the others are killed.
func (s *system) shutDown(first *process) {
	s.status = first.exitStatus
	s.over = true
	for _, p := range s.processes {
		if p != first && p != s.initProcess && !p.zombie {
			p.stopped = false
			p.exiting, p.exitStatus = true, sigKILL
			for _, t := range p.threads {
				t.sigPending = true
			}
		}
	}
}

// byPID is the process of a number, nil if there is none.
func (s *system) byPID(pid int) *process {
	for _, p := range s.processes {
		if p.pid == pid && p != s.initProcess {
			return p
		}
	}
	return nil
}

// byTID is the thread of a number, nil if there is none.
func (s *system) byTID(tid int) *Thread {
	for _, p := range s.processes {
		for _, t := range p.threads {
			if t.tid == tid {
				return t
			}
		}
	}
	return nil
}

// newPID is alloc_pid(): the next number that is free.
func (s *system) newPID() int {
	for {
		s.lastPID++
		if s.lastPID > 1<<22 {
			s.lastPID = firstPID
		}
		if s.byPID(s.lastPID) == nil && s.byTID(s.lastPID) == nil {
			return s.lastPID
		}
	}
}

const firstPID = 100
