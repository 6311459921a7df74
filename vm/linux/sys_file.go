package linux

import (
	"trapline/sim"
)

// fileCalls are the system calls on open files.
func fileCalls() map[uint64]call {
	return map[uint64]call{
		0:   {"read", sysRead},
		1:   {"write", sysWrite},
		3:   {"close", sysClose},
		5:   {"fstat", sysFstat},
		8:   {"lseek", sysLseek},
		16:  {"ioctl", sysIoctl},
		17:  {"pread64", sysPread64},
		18:  {"pwrite64", sysPwrite64},
		19:  {"readv", sysReadv},
		20:  {"writev", sysWritev},
		22:  {"pipe", sysPipe},
		32:  {"dup", sysDup},
		33:  {"dup2", sysDup2},
		40:  {"sendfile", sysSendfile},
		72:  {"fcntl", sysFcntl},
		73:  {"flock", sysNothing},
		74:  {"fsync", sysNothing},
		75:  {"fdatasync", sysNothing},
		77:  {"ftruncate", sysFtruncate},
		217: {"getdents64", sysGetdents64},
		221: {"fadvise64", sysNothing},
		285: {"fallocate", sysFallocate},
		290: {"eventfd2", sysEventfd2},
		284: {"eventfd", sysEventfd},
		292: {"dup3", sysDup3},
		293: {"pipe2", sysPipe2},
		295: {"preadv", sysPreadv},
		296: {"pwritev", sysPwritev},
		436: {"close_range", sysCloseRange},
	}
}

// maxIO is MAX_RW_COUNT; a call moves this much at most, in pieces.
const (
	maxIO   = 0x7ffff000
	ioPiece = 1 << 20
)

// sysNothing is a call that has nothing to do here.
func sysNothing(*Thread, args) (uint64, error) { return 0, nil }

// An iovec is a piece of memory.
type iovec struct{ addr, n uint64 }

// iovecs reads an array of struct iovec.
func (t *Thread) iovecs(addr, n uint64) ([]iovec, error) {
	if n > 1024 {
		return nil, sim.EINVAL
	}
	p := make([]byte, 16*n)
	if err := t.copyIn(addr, p); err != nil {
		return nil, err
	}
	v := make([]iovec, n)
	left := uint64(maxIO)
	for i := range v {
		v[i] = iovec{get64(p[16*i:]), get64(p[16*i+8:])}
		if int64(v[i].n) < 0 {
			return nil, sim.EINVAL
		}
		v[i].n = min(v[i].n, left)
		left -= v[i].n
	}
	return v, nil
}

// input reads from a file into pieces of memory. At is the position, or -1 for
// that of the file.
func (t *Thread) input(fd uint64, to []iovec, at int64) (uint64, error) {
	return t.transfer(fd, to, at, func(f *file, v iovec, p []byte, at int64, first bool) (n int, more bool, err error) {
		if !first && !f.ops.seekable() && f.ops.poll(f)&pollIn == 0 {
			return 0, false, nil // a stream gives what there is
		}
		if at >= 0 {
			n, err = t.readAt(f, p, at)
		} else {
			n, err = t.readFile(f, p)
		}
		if err == nil {
			err = t.copyOut(v.addr, p[:n])
		}
		_, host := f.ops.(*hostStream)
		return n, !host || n == 0, err
	})
}

// output writes pieces of memory to a file.
func (t *Thread) output(fd uint64, from []iovec, at int64) (uint64, error) {
	return t.transfer(fd, from, at, func(f *file, v iovec, p []byte, at int64, _ bool) (n int, more bool, err error) {
		if err = t.copyIn(v.addr, p); err != nil {
			return 0, false, err
		}
		if at >= 0 {
			n, err = t.writeAt(f, p, at)
		} else {
			n, err = t.writeFile(f, p)
		}
		return n, true, err
	})
}

// transfer moves bytes between a file and pieces of memory, some at a time. At is the
// position in the file, or -1 for its own. Move moves up to len(p) bytes, and says how
// many, and whether it may be asked for more; first is true while none were moved. An
// error after the first bytes is for the next call to find.
func (t *Thread) transfer(fd uint64, vs []iovec, at int64, move func(f *file, v iovec, p []byte, at int64, first bool) (n int, more bool, err error)) (uint64, error) {
	f, err := t.file(fd)
	if err != nil {
		return 0, err
	}
	if at >= 0 && !f.ops.seekable() {
		return 0, eSPIPE
	}
	t.get(f)
	defer t.put(f)
	total := uint64(0)
	if len(vs) == 0 {
		vs = []iovec{{}}
	}
	for _, v := range vs {
		for again := true; again; again = v.n > 0 {
			p := make([]byte, min(v.n, ioPiece))
			n, more, err := move(f, v, p, at, total == 0)
			if err != nil {
				if total > 0 {
					err = nil
				}
				return total, err
			}
			if at >= 0 {
				at += int64(n)
			}
			total += uint64(n)
			v.addr += uint64(n)
			v.n -= uint64(n)
			if n < len(p) || !more {
				return total, nil
			}
		}
	}
	return total, nil
}

func sysRead(t *Thread, a args) (uint64, error) {
	return t.input(a[0], []iovec{{a[1], min(a[2], maxIO)}}, -1)
}

func sysWrite(t *Thread, a args) (uint64, error) {
	return t.output(a[0], []iovec{{a[1], min(a[2], maxIO)}}, -1)
}

func sysPread64(t *Thread, a args) (uint64, error) {
	if int64(a[3]) < 0 {
		return 0, sim.EINVAL
	}
	return t.input(a[0], []iovec{{a[1], min(a[2], maxIO)}}, int64(a[3]))
}

func sysPwrite64(t *Thread, a args) (uint64, error) {
	if int64(a[3]) < 0 {
		return 0, sim.EINVAL
	}
	return t.output(a[0], []iovec{{a[1], min(a[2], maxIO)}}, int64(a[3]))
}

func sysReadv(t *Thread, a args) (uint64, error)  { return t.vector(a, -1, t.input) }
func sysWritev(t *Thread, a args) (uint64, error) { return t.vector(a, -1, t.output) }

// sysPreadv is preadv(fd, pieces, n, position, 0).
func sysPreadv(t *Thread, a args) (uint64, error) {
	if int64(a[3]) < 0 {
		return 0, sim.EINVAL
	}
	return t.vector(a, int64(a[3]), t.input)
}

// sysPwritev is pwritev(fd, pieces, n, position, 0).
func sysPwritev(t *Thread, a args) (uint64, error) {
	if int64(a[3]) < 0 {
		return 0, sim.EINVAL
	}
	return t.vector(a, int64(a[3]), t.output)
}

func (t *Thread) vector(a args, at int64, move func(uint64, []iovec, int64) (uint64, error)) (uint64, error) {
	if _, err := t.file(a[0]); err != nil {
		return 0, err
	}
	v, err := t.iovecs(a[1], a[2])
	if err != nil {
		return 0, err
	}
	return move(a[0], v, at)
}

func sysClose(t *Thread, a args) (uint64, error) { return 0, t.closeFD(a[0]) }

func sysCloseRange(t *Thread, a args) (uint64, error) {
	first, last := uint64(uint32(a[0])), uint64(uint32(a[1]))
	if first > last || a[2]&^uint64(4) != 0 {
		return 0, sim.EINVAL
	}
	for fd := first; fd <= min(last, nofile); fd++ {
		if _, err := t.file(fd); err != nil {
			continue
		}
		if a[2]&4 != 0 { // CLOSE_RANGE_CLOEXEC
			t.files.fds[fd].cloexec = true
			continue
		}
		if err := t.closeFD(fd); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// The origins of lseek(2).
const (
	seekSet = iota
	seekCur
	seekEnd
	seekData
	seekHole
)

func sysLseek(t *Thread, a args) (uint64, error) {
	f, err := t.file(a[0])
	if err != nil {
		return 0, err
	}
	if !f.ops.seekable() {
		return 0, eSPIPE
	}
	size := int64(0)
	if f.node != nil {
		size = f.node.length()
	}
	pos := int64(a[1])
	switch a[2] {
	case seekSet:
	case seekCur:
		pos += f.pos
	case seekEnd:
		pos += size
	case seekData, seekHole:
		if pos < 0 || pos >= size {
			return 0, eNXIO
		}
		if a[2] == seekHole {
			pos = size
		}
	default:
		return 0, sim.EINVAL
	}
	if pos < 0 {
		return 0, sim.EINVAL
	}
	f.pos = pos
	return uint64(pos), nil
}

// sysIoctl knows the one thing that is asked of pipes and terminals here: no
// file is a terminal.
func sysIoctl(t *Thread, a args) (uint64, error) {
	f, err := t.file(a[0])
	if err != nil {
		return 0, err
	}
	const fionread, fioclex, fionclex, fionbio = 0x541b, 0x5451, 0x5450, 0x5421
	switch uint32(a[1]) {
	case fioclex, fionclex:
		t.files.fds[int32(a[0])].cloexec = uint32(a[1]) == fioclex
		return 0, nil
	case fionbio:
		v, err := t.load32(a[2])
		if err != nil {
			return 0, err
		}
		f.flags &^= oNonblock
		if v != 0 {
			f.flags |= oNonblock
		}
		return 0, nil
	case fionread:
		if p, ok := f.ops.(pipeEnd); ok {
			return 0, t.copyOut(a[2], le32(uint32(len(p.buf))))
		}
		if f.node != nil && f.node.isReg() {
			return 0, t.copyOut(a[2], le32(uint32(f.node.length()-f.pos)))
		}
	}
	return 0, eNOTTY
}

// newFD gives a new file a descriptor, or closes it.
func (t *Thread) newFD(f *file, cloexec bool) (uint64, error) {
	fd, err := t.install(f, 0, cloexec)
	if err != nil {
		t.put(f)
		return 0, err
	}
	return uint64(fd), nil
}

func sysPipe(t *Thread, a args) (uint64, error) { return sysPipe2(t, args{a[0]}) }

func sysPipe2(t *Thread, a args) (uint64, error) {
	if a[1]&^uint64(oCloexec|oNonblock|0o40000) != 0 {
		return 0, sim.EINVAL
	}
	r, w := newPipe(int(a[1]))
	rfd, err := t.newFD(r, a[1]&oCloexec != 0)
	if err != nil {
		t.put(w)
		return 0, err
	}
	wfd, err := t.newFD(w, a[1]&oCloexec != 0)
	if err != nil {
		_ = t.closeFD(rfd)
		return 0, err
	}
	return 0, t.copyOut(a[0], append(le32(uint32(rfd)), le32(uint32(wfd))...))
}

func sysDup(t *Thread, a args) (uint64, error) { return t.dupFD(a[0], 0, false) }

func (t *Thread) dupFD(fd uint64, low int, cloexec bool) (uint64, error) {
	f, err := t.file(fd)
	if err != nil {
		return 0, err
	}
	return t.newFDFrom(t.get(f), low, cloexec)
}

func (t *Thread) newFDFrom(f *file, low int, cloexec bool) (uint64, error) {
	fd, err := t.install(f, low, cloexec)
	if err != nil {
		t.put(f)
		return 0, err
	}
	return uint64(fd), nil
}

func sysDup2(t *Thread, a args) (uint64, error) {
	if _, err := t.file(a[0]); err == nil && uint32(a[0]) == uint32(a[1]) {
		return a[1], nil
	}
	return t.dupTo(a[0], a[1], false)
}

func sysDup3(t *Thread, a args) (uint64, error) {
	if uint32(a[0]) == uint32(a[1]) || a[2]&^uint64(oCloexec) != 0 {
		return 0, sim.EINVAL
	}
	return t.dupTo(a[0], a[1], a[2]&oCloexec != 0)
}

func (t *Thread) dupTo(from, to uint64, cloexec bool) (uint64, error) {
	f, err := t.file(from)
	if err != nil {
		return 0, err
	}
	if uint32(to) >= nofile {
		return 0, eBADF
	}
	t.get(f)
	if old, err := t.file(to); err == nil {
		defer t.put(old)
	}
	t.files.set(int(uint32(to)), descriptor{f, cloexec})
	return uint64(uint32(to)), nil
}

// The commands of fcntl(2).
const (
	fDupfd        = 0
	fGetfd        = 1
	fSetfd        = 2
	fGetfl        = 3
	fSetfl        = 4
	fGetlk        = 5
	fSetlk        = 6
	fSetlkw       = 7
	fDupfdCloexec = 1030
	fSetpipeSz    = 1031
	fGetpipeSz    = 1032
	fGetSeals     = 1034
)

func sysFcntl(t *Thread, a args) (uint64, error) {
	f, err := t.file(a[0])
	if err != nil {
		return 0, err
	}
	switch a[1] {
	case fDupfd, fDupfdCloexec:
		if a[2] >= nofile {
			return 0, sim.EINVAL
		}
		return t.dupFD(a[0], int(a[2]), a[1] == fDupfdCloexec)
	case fGetfd:
		if t.files.fds[int32(a[0])].cloexec {
			return 1, nil
		}
		return 0, nil
	case fSetfd:
		t.files.fds[int32(a[0])].cloexec = a[2]&1 != 0
		return 0, nil
	case fGetfl:
		return uint64(f.flags), nil
	case fSetfl:
		const may = oAppend | oNonblock
		f.flags = f.flags&^may | int(a[2])&may
		return 0, nil
	case fGetlk:
		return 0, t.copyOut(a[2], []byte{2, 0}) // F_UNLCK: nobody holds a lock
	case fSetlk, fSetlkw:
		return 0, nil
	case fSetpipeSz, fGetpipeSz:
		if _, ok := f.ops.(pipeEnd); ok {
			return pipeSize, nil
		}
		return 0, eBADF
	}
	return 0, sim.EINVAL
}

func sysFtruncate(t *Thread, a args) (uint64, error) {
	f, err := t.file(a[0])
	if err != nil {
		return 0, err
	}
	if _, ok := f.ops.(*regular); !ok || !f.writable() || int64(a[1]) < 0 {
		return 0, sim.EINVAL
	}
	return 0, t.resize(f.node, int64(a[1]))
}

func sysFallocate(t *Thread, a args) (uint64, error) {
	f, err := t.file(a[0])
	if err != nil {
		return 0, err
	}
	switch _, ok := f.ops.(*regular); {
	case !ok || !f.writable():
		return 0, eBADF
	case a[1] != 0:
		return 0, eOPNOTSUPP
	case int64(a[2]) < 0 || int64(a[3]) <= 0:
		return 0, sim.EINVAL
	}
	if end := int64(a[2] + a[3]); end > f.node.length() || end < 0 {
		if end < 0 {
			return 0, eFBIG
		}
		return 0, t.resize(f.node, end)
	}
	return 0, nil
}

func sysEventfd(t *Thread, a args) (uint64, error) { return sysEventfd2(t, args{a[0]}) }

func sysEventfd2(t *Thread, a args) (uint64, error) {
	if a[1]&^uint64(oCloexec|oNonblock|1) != 0 {
		return 0, sim.EINVAL
	}
	e := &eventFD{count: uint64(uint32(a[0])), semaphore: a[1]&1 != 0}
	return t.newFD(&file{ops: e, flags: oRdwr | int(a[1])&oNonblock, refs: 1}, a[1]&oCloexec != 0)
}

// sysSendfile is sendfile(out, in, offset, count).
func sysSendfile(t *Thread, a args) (uint64, error) {
	out, err := t.file(a[0])
	if err != nil {
		return 0, err
	}
	in, err := t.file(a[1])
	if err != nil {
		return 0, err
	}
	if in.node == nil || !in.node.isReg() {
		return 0, sim.EINVAL // as of what has no pages; programs read and write then
	}
	t.get(out)
	t.get(in)
	defer t.put(out)
	defer t.put(in)
	at := in.pos
	if a[2] != 0 {
		v, err := t.load64(a[2])
		if err != nil {
			return 0, err
		}
		at = int64(v)
	}
	total := uint64(0)
	for left := min(a[3], maxIO); left > 0; {
		p := make([]byte, min(left, ioPiece))
		n, err := t.readAt(in, p, at)
		if err == nil && n > 0 {
			n, err = t.writeFile(out, p[:n])
		}
		if err != nil && total == 0 {
			return 0, err
		}
		if err != nil || n == 0 {
			break
		}
		at += int64(n)
		total += uint64(n)
		left -= uint64(n)
	}
	if a[2] == 0 {
		in.pos = at
		return total, nil
	}
	return total, t.copyOut(a[2], le64(uint64(at)))
}

// sysGetdents64 is getdents64(fd, buffer, size).
func sysGetdents64(t *Thread, a args) (uint64, error) {
	f, err := t.file(a[0])
	if err != nil {
		return 0, err
	}
	d, ok := f.ops.(dirFile)
	if !ok {
		return 0, eNOTDIR
	}
	t.sys.list(d.n)
	names := append([]string{".", ".."}, d.n.names()...)
	var out []byte
	pos := f.pos
	for int(pos) < len(names) {
		name := names[pos]
		n := d.n
		switch {
		case pos == 1 && d.n.parent != nil:
			n = d.n.parent
		case pos > 1:
			n = d.n.children[name]
		}
		size := (19 + len(name) + 1 + 7) &^ 7
		if uint64(len(out)+size) > a[2] {
			if len(out) == 0 {
				return 0, sim.EINVAL
			}
			break
		}
		pos++
		e := make([]byte, size)
		put64(e, n.ino)
		put64(e[8:], uint64(pos))
		put16(e[16:], uint16(size))
		e[18] = byte(n.mode & modeType >> 12)
		copy(e[19:], name)
		out = append(out, e...)
	}
	if err := t.copyOut(a[1], out); err != nil {
		return 0, err
	}
	f.pos = pos
	return uint64(len(out)), nil
}
