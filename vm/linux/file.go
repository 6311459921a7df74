package linux

import (
	"trapline/sim"
)

// The flags of open(2).
const (
	oAccMode   = 3
	oWronly    = 1
	oRdwr      = 2
	oCreat     = 0o100
	oExcl      = 0o200
	oTrunc     = 0o1000
	oAppend    = 0o2000
	oNonblock  = 0o4000
	oLargefile = 0o100000
	oDirectory = 0o200000
	oNofollow  = 0o400000
	oCloexec   = 0o2000000
	oPath      = 0o10000000
	oTmpfile   = 0o20000000
)

// The events of poll(2).
const (
	pollIn    = 0x001
	pollPri   = 0x002
	pollOut   = 0x004
	pollErr   = 0x008
	pollHup   = 0x010
	pollNval  = 0x020
	pollRdhup = 0x2000
)

// A file is an open file description. Descriptors that were duplicated or
// inherited share it.
type file struct {
	ops   fileOps
	node  *node // nil for what is in no directory
	flags int
	pos   int64
	refs  int // descriptors, areas and calls that use it
	watch []*epollItem
}

// fileOps is what one kind of file does. Read and write return EAGAIN where they
// would have to wait; whoever calls them waits for poll to say otherwise.
type fileOps interface {
	read(t *Thread, f *file, p []byte, pos int64) (int, error)
	write(t *Thread, f *file, p []byte, pos int64) (int, error)
	// poll is the events that have come, as poll(2) has them.
	poll(f *file) uint32
	// release is called when nobody has the file open any more.
	release(t *Thread, f *file)
	// seekable says that the file has positions.
	seekable() bool
	// generation changes whenever the events may have come anew, for those who
	// want to know only of changes.
	generation() uint64
}

// stream is what files without positions have in common.
type stream struct{}

func (stream) generation() uint64     { return 0 }
func (stream) seekable() bool         { return false }
func (stream) release(*Thread, *file) {}

func (f *file) readable() bool { return f.flags&oAccMode != oWronly && f.flags&oPath == 0 }
func (f *file) writable() bool { return f.flags&oAccMode != 0 && f.flags&oPath == 0 }

func (t *Thread) get(f *file) *file {
	f.refs++
	return f
}

func (t *Thread) put(f *file) {
	f.refs--
	if f.refs > 0 {
		return
	}
	for _, it := range f.watch {
		it.ep.drop(it)
	}
	f.watch = nil
	f.ops.release(t, f)
	if n := f.node; n != nil && f.writable() && n.isReg() {
		n.writers--
	}
}

// readAt reads into p, and waits if it must and may.
func (t *Thread) readAt(f *file, p []byte, pos int64) (int, error) {
	if !f.readable() {
		return 0, eBADF
	}
	for {
		n, err := f.ops.read(t, f, p, pos)
		if err != sim.EAGAIN || f.flags&oNonblock != 0 {
			return n, err
		}
		if err := t.waitFor(f, pollIn|pollHup|pollErr); err != nil {
			return 0, err
		}
	}
}

// writeAt writes all of p, or as much as there was room for until something went
// wrong.
func (t *Thread) writeAt(f *file, p []byte, pos int64) (int, error) {
	if !f.writable() {
		return 0, eBADF
	}
	done := 0
	for {
		n, err := f.ops.write(t, f, p[done:], pos+int64(done))
		done += n
		if err == nil && done == len(p) {
			return done, nil
		}
		if err == sim.EAGAIN && f.flags&oNonblock == 0 {
			err = t.waitFor(f, pollOut|pollErr)
		}
		if err != nil {
			if done > 0 {
				return done, nil
			}
			return 0, err
		}
		if n == 0 && done == len(p) {
			return done, nil
		}
	}
}

// waitFor sleeps until the file has one of the events.
func (t *Thread) waitFor(f *file, events uint32) error {
	t.get(f)
	defer t.put(f)
	if !t.block(func() bool { return f.ops.poll(f)&events != 0 }, never) {
		return sim.ERESTARTSYS
	}
	return nil
}

// readFile is readAt at the position of the file, which moves.
func (t *Thread) readFile(f *file, p []byte) (int, error) {
	if r, ok := f.ops.(*regular); ok {
		t.k.MutexLock(&r.pos)
		defer t.k.MutexUnlock(&r.pos)
	}
	n, err := t.readAt(f, p, f.pos)
	if err == nil && f.ops.seekable() {
		f.pos += int64(n)
	}
	return n, err
}

// writeFile is writeAt at the position of the file, or at its end.
func (t *Thread) writeFile(f *file, p []byte) (int, error) {
	r, ok := f.ops.(*regular)
	if ok {
		t.k.MutexLock(&r.pos)
		defer t.k.MutexUnlock(&r.pos)
	}
	n, err := t.writeAt(f, p, f.pos)
	switch {
	case err != nil || !f.ops.seekable():
	case ok && f.flags&oAppend != 0:
		f.pos = r.n.length()
	default:
		f.pos += int64(n)
	}
	return n, err
}

// A descriptor is an entry of the table of open files.
type descriptor struct {
	file    *file
	cloexec bool
}

// An fdTable is struct files_struct.
type fdTable struct {
	fds   []descriptor
	users int
}

// nofile is RLIMIT_NOFILE.
const nofile = 1024

// file is the open file of a descriptor.
func (t *Thread) file(fd uint64) (*file, error) {
	if n := int32(fd); n >= 0 && int(n) < len(t.files.fds) {
		if f := t.files.fds[n].file; f != nil {
			return f, nil
		}
	}
	return nil, eBADF
}

// install gives a file the lowest free descriptor from low on.
func (t *Thread) install(f *file, low int, cloexec bool) (int, error) {
	table := t.files
	fd := low
	for fd < len(table.fds) && table.fds[fd].file != nil {
		fd++
	}
	if fd >= nofile {
		return 0, eMFILE
	}
	table.set(fd, descriptor{f, cloexec})
	return fd, nil
}

func (table *fdTable) set(fd int, d descriptor) {
	for len(table.fds) <= fd {
		table.fds = append(table.fds, descriptor{})
	}
	table.fds[fd] = d
}

// closeFD takes a descriptor out of the table.
func (t *Thread) closeFD(fd uint64) error {
	f, err := t.file(fd)
	if err != nil {
		return err
	}
	t.files.fds[int32(fd)] = descriptor{}
	t.put(f)
	return nil
}

// copyFiles is dup_fd().
func (t *Thread) copyFiles() *fdTable {
	table := &fdTable{users: 1, fds: make([]descriptor, len(t.files.fds))}
	copy(table.fds, t.files.fds)
	for _, d := range table.fds {
		if d.file != nil {
			t.get(d.file)
		}
	}
	return table
}

// putFiles is put_files_struct().
func (t *Thread) putFiles() {
	table := t.files
	table.users--
	if table.users > 0 {
		return
	}
	for fd := range table.fds {
		if f := table.fds[fd].file; f != nil {
			table.fds[fd] = descriptor{}
			t.put(f)
		}
	}
}
