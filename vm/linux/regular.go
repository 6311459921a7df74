package linux

import (
	"trapline/pagecache"
	"trapline/sim"
)

// regular is an open regular file. It is read and written through the page cache:
// what comes from the user's directory arrives page by page as a device delivers it,
// and what the program writes stays in memory.
type regular struct {
	positioned
	n    *node
	open *pagecache.File
	pos  sim.Mutex // f_pos_lock: calls that move the position of the file
}

func (t *Thread) newRegular(n *node, flags int) *regular {
	r := &regular{n: n, open: pagecache.OpenFile(t.k, t.inodeOf(n))}
	r.open.Append = flags&oAppend != 0
	t.k.MutexInit(&r.pos, "file->f_pos_lock")
	return r
}

func (r *regular) poll(*file) uint32 { return pollIn | pollOut }

func (r *regular) read(t *Thread, _ *file, p []byte, pos int64) (int, error) {
	if pos < 0 {
		return 0, sim.EINVAL
	}
	data, err := pagecache.DoGenericMappingRead(t.k, r.n.inode, pos, len(p))
	if len(data) == 0 && err != nil {
		return 0, err
	}
	return copy(p, data), nil
}

func (r *regular) write(t *Thread, f *file, p []byte, pos int64) (int, error) {
	size := r.n.length()
	if f.flags&oAppend != 0 {
		pos = size
	}
	switch end := pos + int64(len(p)); {
	case pos < 0:
		return 0, sim.EINVAL
	case len(p) == 0:
		return 0, nil
	case pos > maxFile || end > maxFile:
		return 0, eFBIG
	case end > size && !t.sys.charge(uint64(end-size)):
		return 0, eNOSPC
	}
	r.n.mtime = t.sys.wallClock()
	return pagecache.GenericFileWrite(t.k, r.open, pos, p)
}

// resize changes the length of a file.
func (t *Thread) resize(n *node, size int64) error {
	inode := t.inodeOf(n)
	old := n.length()
	switch {
	case size > maxFile:
		return eFBIG
	case size > old && !t.sys.charge(uint64(size-old)):
		return eNOSPC
	case size < old:
		t.sys.used -= uint64(old - size)
	}
	n.written = true
	n.mtime = t.sys.wallClock()
	t.k.MutexLock(&inode.IMutex)
	defer t.k.MutexUnlock(&inode.IMutex)
	pagecache.Vmtruncate(t.k, inode, size)
	return nil
}

// inodeOf is the file as the page cache knows it.
func (t *Thread) inodeOf(n *node) *pagecache.Inode {
	if n.inode == nil {
		n.inode = pagecache.NewInode(t.k, t.sys.pathOf(n), n.data, t.sys.disk)
		n.inode.ReadaheadPages = readahead
	}
	return n.inode
}

// contentOf is all that a file holds, as whoever loads a program reads it.
func (t *Thread) contentOf(n *node) ([]byte, error) {
	if err := t.sys.load(n); err != nil || !n.written {
		return n.data, err
	}
	return pagecache.DoGenericMappingRead(t.k, n.inode, 0, int(n.length()))
}

// readahead is how many pages are asked for at once.
const readahead = 16

// openNode opens a file that is there.
func (t *Thread) openNode(n *node, flags int) (*file, error) {
	f := &file{node: n, flags: flags &^ (oCreat | oExcl | oTrunc | oCloexec), refs: 1}
	switch {
	case flags&oPath != 0:
		f.ops = &textFile{}
		return f, nil
	case n.open != nil:
		ops, err := n.open(t, flags)
		f.ops = ops
		return f, err
	case n.isDir():
		if flags&oAccMode != 0 {
			return nil, eISDIR
		}
		f.ops = dirFile{n: n}
		return f, nil
	case n.isLink():
		return nil, eLOOP
	case n.mode&modeType == modeFIFO:
		ops, err := t.openFIFO(n, flags)
		f.ops = ops
		return f, err
	case !n.isReg():
		return nil, eNXIO
	}
	if err := t.sys.load(n); err != nil {
		return nil, err
	}
	if f.writable() {
		if t.sys.running(n) {
			return nil, sim.ETXTBSY
		}
		if flags&oTrunc != 0 {
			if err := t.resize(n, 0); err != nil {
				return nil, err
			}
		}
		n.writers++
		n.written = true
	}
	f.ops = t.newRegular(n, flags)
	return f, nil
}

// dirFile is an open directory.
type dirFile struct {
	positioned
	n *node
}

func (dirFile) read(*Thread, *file, []byte, int64) (int, error)  { return 0, eISDIR }
func (dirFile) write(*Thread, *file, []byte, int64) (int, error) { return 0, eBADF }
func (dirFile) poll(*file) uint32                                { return pollIn | pollOut }
