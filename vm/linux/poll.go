package linux

import (
	"slices"

	"trapline/sim"
)

// poll(2), select(2) and epoll(7): waiting for several files at once.

// A polled is one entry of what poll and select wait for.
type polled struct {
	file    *file // nil if the descriptor is not open
	events  uint32
	revents uint32
}

// pollFiles waits until one of the files has an event that is asked for.
func (t *Thread) pollFiles(ps []polled, deadline int64) (ready int, err error) {
	for i := range ps {
		if ps[i].file != nil {
			t.get(ps[i].file)
		}
	}
	defer func() {
		for i := range ps {
			if ps[i].file != nil {
				t.put(ps[i].file)
			}
		}
	}()
	check := func() bool {
		ready = 0
		for i := range ps {
			p := &ps[i]
			p.revents = pollNval
			if p.file != nil {
				p.revents = p.file.ops.poll(p.file) & (p.events | pollErr | pollHup)
			}
			if p.revents != 0 {
				ready++
			}
		}
		return ready > 0
	}
	if !t.block(check, deadline) && t.sigPending {
		return 0, eRESTARTNOHND
	}
	return ready, nil
}

// sysPoll is poll(fds, n, milliseconds).
func sysPoll(t *Thread, a args) (uint64, error) {
	deadline := int64(never)
	if ms := int32(a[2]); ms >= 0 {
		deadline = t.sys.after(int64(ms) * 1_000_000)
	}
	return t.poll(a[0], a[1], deadline)
}

// sysPpoll is ppoll(fds, n, timeout, mask, size).
func sysPpoll(t *Thread, a args) (uint64, error) {
	deadline, err := t.timeout(a[2])
	if err != nil {
		return 0, err
	}
	if err := t.suspendMask(a[3], a[4]); err != nil {
		return 0, err
	}
	return t.poll(a[0], a[1], deadline)
}

func (t *Thread) poll(addr, n uint64, deadline int64) (uint64, error) {
	if n > nofile {
		return 0, sim.EINVAL
	}
	fds := make([]byte, 8*n)
	if err := t.copyIn(addr, fds); err != nil {
		return 0, err
	}
	var ps []polled
	var at []int
	for i := 0; i < len(fds); i += 8 {
		put16(fds[i+6:], 0)
		fd := get32(fds[i:])
		if int32(fd) < 0 {
			continue
		}
		f, _ := t.file(uint64(fd))
		ps = append(ps, polled{file: f, events: get32(fds[i+4:]) & 0xffff})
		at = append(at, i)
	}
	ready, err := t.pollFiles(ps, deadline)
	if err != nil {
		return 0, err
	}
	for i, p := range ps {
		put16(fds[at[i]+6:], uint16(p.revents))
	}
	return uint64(ready), t.copyOut(addr, fds)
}

// The events that each set of select(2) stands for.
var selectEvents = [3]uint32{pollIn | pollHup | pollErr, pollOut | pollErr, pollPri}

// sysSelect is select(n, in, out, except, timeval).
func sysSelect(t *Thread, a args) (uint64, error) {
	deadline := int64(never)
	if a[4] != 0 {
		var tv [16]byte
		if err := t.copyIn(a[4], tv[:]); err != nil {
			return 0, err
		}
		sec, usec := int64(get64(tv[:])), int64(get64(tv[8:]))
		if sec < 0 || usec < 0 || usec >= 1_000_000 {
			return 0, sim.EINVAL
		}
		deadline = t.sys.after(seconds(sec) + usec*1000)
	}
	return t.selectFiles(a, deadline)
}

// sysPselect6 is pselect6(n, in, out, except, timespec, mask).
func sysPselect6(t *Thread, a args) (uint64, error) {
	deadline, err := t.timeout(a[4])
	if err != nil {
		return 0, err
	}
	if a[5] != 0 {
		var m [16]byte
		if err := t.copyIn(a[5], m[:]); err != nil {
			return 0, err
		}
		if err := t.suspendMask(get64(m[:]), get64(m[8:])); err != nil {
			return 0, err
		}
	}
	return t.selectFiles(a, deadline)
}

func (t *Thread) selectFiles(a args, deadline int64) (uint64, error) {
	n := int32(a[0])
	if n < 0 {
		return 0, sim.EINVAL
	}
	n = min(n, nofile)
	size := (int(n) + 63) / 64 * 8
	var sets [3][]byte
	for i := range sets {
		if a[1+i] == 0 {
			continue
		}
		sets[i] = make([]byte, size)
		if err := t.copyIn(a[1+i], sets[i]); err != nil {
			return 0, err
		}
	}
	has := func(i, fd int) bool { return sets[i] != nil && sets[i][fd/8]>>(fd%8)&1 != 0 }
	var ps []polled
	var fds []int
	for fd := range int(n) {
		var events uint32
		for i := range sets {
			if has(i, fd) {
				events |= selectEvents[i]
			}
		}
		if events == 0 {
			continue
		}
		f, err := t.file(uint64(fd))
		if err != nil {
			return 0, err
		}
		ps = append(ps, polled{file: f, events: events})
		fds = append(fds, fd)
	}
	if _, err := t.pollFiles(ps, deadline); err != nil {
		return 0, err
	}
	total := uint64(0)
	for i := range sets {
		if sets[i] == nil {
			continue
		}
		out := make([]byte, size)
		for j, p := range ps {
			if has(i, fds[j]) && p.revents&selectEvents[i] != 0 {
				out[fds[j]/8] |= 1 << (fds[j] % 8)
				total++
			}
		}
		if err := t.copyOut(a[1+i], out); err != nil {
			return 0, err
		}
	}
	return total, nil
}

// epoll is an instance of epoll(7).
type epoll struct {
	stream
	items []*epollItem
	file  *file // its own
}

// maxEpolls is how many epolls may watch one another in a row, EP_MAX_NESTS + 1.
const maxEpolls = 5

// below is how many epolls are in a row from e down: itself, and those that it watches.
func (e *epoll) below() int {
	n := 0
	for _, it := range e.items {
		if inner, ok := it.file.ops.(*epoll); ok {
			n = max(n, inner.below())
		}
	}
	return n + 1
}

// above is how many are in a row from e up: itself, and those that watch it.
func (e *epoll) above() int {
	n := 0
	for _, it := range e.file.watch {
		n = max(n, it.ep.above())
	}
	return n + 1
}

// watches says that e watches other, itself or through others.
func (e *epoll) watches(other *epoll) bool {
	return e == other || slices.ContainsFunc(e.items, func(it *epollItem) bool {
		inner, ok := it.file.ops.(*epoll)
		return ok && inner.watches(other)
	})
}

// An epollItem is a file that an epoll watches.
type epollItem struct {
	ep       *epoll
	fd       int32
	file     *file
	events   uint32
	data     uint64
	reported uint64 // the generation that was, for EPOLLET
	fresh    bool   // nothing has been reported
}

const (
	epollET      = 1 << 31
	epollOneshot = 1 << 30
	epollAdd     = 1
	epollDel     = 2
	epollMod     = 3
)

func (e *epoll) read(*Thread, *file, []byte, int64) (int, error)  { return 0, sim.EINVAL }
func (e *epoll) write(*Thread, *file, []byte, int64) (int, error) { return 0, sim.EINVAL }

func (e *epoll) poll(*file) uint32 {
	for _, it := range e.items {
		if it.ready() != 0 {
			return pollIn
		}
	}
	return 0
}

func (e *epoll) release(*Thread, *file) {
	for _, it := range e.items {
		it.file.watch = slices.DeleteFunc(it.file.watch, func(o *epollItem) bool { return o == it })
	}
	e.items = nil
}

// drop forgets an item whose file is closed.
func (e *epoll) drop(it *epollItem) {
	e.items = slices.DeleteFunc(e.items, func(o *epollItem) bool { return o == it })
}

// ready is the events of an item that are to be reported.
func (it *epollItem) ready() uint32 {
	if it.events&^(epollET|epollOneshot) == 0 {
		return 0
	}
	if it.events&epollET != 0 && !it.fresh && it.file.ops.generation() == it.reported {
		return 0
	}
	return it.file.ops.poll(it.file) & (it.events | pollErr | pollHup)
}

// sysEpollCreate1 is epoll_create1(flags).
func sysEpollCreate1(t *Thread, a args) (uint64, error) {
	e := &epoll{}
	e.file = &file{ops: e, flags: oRdwr, refs: 1}
	return t.newFD(e.file, a[0]&oCloexec != 0)
}

// sysEpollCtl is epoll_ctl(epfd, op, fd, event).
func sysEpollCtl(t *Thread, a args) (uint64, error) {
	ef, err := t.file(a[0])
	if err != nil {
		return 0, err
	}
	f, err := t.file(a[2])
	if err != nil {
		return 0, err
	}
	ep, ok := ef.ops.(*epoll)
	if !ok || ef == f {
		return 0, sim.EINVAL
	}
	if f.ops.seekable() {
		return 0, ePERM
	}
	var ev [12]byte
	if a[1] != epollDel {
		if err := t.copyIn(a[3], ev[:]); err != nil {
			return 0, err
		}
	}
	fd := int32(a[2])
	i := slices.IndexFunc(ep.items, func(it *epollItem) bool { return it.fd == fd && it.file == f })
	switch {
	case a[1] == epollAdd && i >= 0:
		return 0, sim.EEXIST
	case a[1] == epollAdd:
		if inner, ok := f.ops.(*epoll); ok && (inner.watches(ep) || ep.above()+inner.below() > maxEpolls) {
			return 0, eLOOP
		}
		it := &epollItem{ep: ep, fd: fd, file: f, events: get32(ev[:]), data: get64(ev[4:]), fresh: true}
		ep.items = append(ep.items, it)
		f.watch = append(f.watch, it)
	case a[1] != epollDel && a[1] != epollMod:
		return 0, sim.EINVAL
	case i < 0:
		return 0, sim.ENOENT
	case a[1] == epollDel:
		it := ep.items[i]
		ep.drop(it)
		f.watch = slices.DeleteFunc(f.watch, func(o *epollItem) bool { return o == it })
	default:
		it := ep.items[i]
		it.events, it.data, it.fresh = get32(ev[:]), get64(ev[4:]), true
	}
	return 0, nil
}

// sysEpollWait is epoll_wait(epfd, events, n, milliseconds), and epoll_pwait with
// a mask.
func sysEpollWait(t *Thread, a args) (uint64, error) {
	deadline := int64(never)
	if ms := int32(a[3]); ms >= 0 {
		deadline = t.sys.after(int64(ms) * 1_000_000)
	}
	return t.epollWait(a, deadline)
}

// sysEpollPwait is epoll_pwait(epfd, events, n, milliseconds, mask, size).
func sysEpollPwait(t *Thread, a args) (uint64, error) {
	if err := t.suspendMask(a[4], a[5]); err != nil {
		return 0, err
	}
	return sysEpollWait(t, a)
}

// sysEpollPwait2 is epoll_pwait2(epfd, events, n, timespec, mask, size).
func sysEpollPwait2(t *Thread, a args) (uint64, error) {
	deadline, err := t.timeout(a[3])
	if err != nil {
		return 0, err
	}
	if err := t.suspendMask(a[4], a[5]); err != nil {
		return 0, err
	}
	return t.epollWait(a, deadline)
}

func (t *Thread) epollWait(a args, deadline int64) (uint64, error) {
	f, err := t.file(a[0])
	if err != nil {
		return 0, err
	}
	ep, ok := f.ops.(*epoll)
	if !ok || int32(a[2]) <= 0 {
		return 0, sim.EINVAL
	}
	t.get(f)
	defer t.put(f)
	if !t.block(func() bool { return ep.poll(f) != 0 }, deadline) {
		if t.sigPending {
			return 0, sim.EINTR
		}
		return 0, nil
	}
	var out []byte
	for _, it := range ep.items {
		ev := it.ready()
		if ev == 0 || len(out)/12 == int(int32(a[2])) {
			continue
		}
		var p [12]byte
		put32(p[:], ev)
		put64(p[4:], it.data)
		out = append(out, p[:]...)
		it.reported, it.fresh = it.file.ops.generation(), false
		if it.events&epollOneshot != 0 {
			it.events &= epollET | epollOneshot
		}
	}
	return uint64(len(out) / 12), t.copyOut(a[1], out)
}
