package linux

import (
	"trapline/pagecache"
	"trapline/sim"
)

// regular is an open regular file. What comes from the user's directory is read
// through the page cache, page by page as a device delivers it, until the
// program writes to the file: then it is a plain piece of memory.
type regular struct {
	positioned
	n *node
}

func (r regular) poll(*file) uint32 { return pollIn | pollOut }

func (r regular) read(t *Thread, _ *file, p []byte, pos int64) (int, error) {
	n := r.n
	if pos < 0 {
		return 0, sim.EINVAL
	}
	if pos >= int64(len(n.data)) || len(p) == 0 {
		return 0, nil
	}
	if n.inode == nil {
		return copy(p, n.data[pos:]), nil
	}
	data, err := pagecache.DoGenericMappingRead(t.k, n.inode, pos, len(p))
	if len(data) == 0 && err != nil {
		return 0, err
	}
	return copy(p, data), nil
}

func (r regular) write(t *Thread, _ *file, p []byte, pos int64) (int, error) {
	n := r.n
	if pos < 0 {
		return 0, sim.EINVAL
	}
	if len(p) == 0 {
		return 0, nil
	}
	end := pos + int64(len(p))
	if err := t.resize(n, max(end, int64(len(n.data)))); err != nil {
		return 0, err
	}
	copy(n.data[pos:end], p)
	return len(p), nil
}

// resize changes the length of a file that is about to be written.
func (t *Thread) resize(n *node, size int64) error {
	switch {
	case size > maxFile:
		return eFBIG
	case size > int64(len(n.data)) && !t.sys.charge(uint64(size)-uint64(len(n.data))):
		return eNOSPC
	}
	if n.inode != nil { // it shares its content with the device
		n.data = append([]byte(nil), n.data...)
		n.inode = nil
	}
	n.mtime = t.sys.wallClock()
	if size <= int64(len(n.data)) {
		n.data = n.data[:size]
		return nil
	}
	n.data = append(n.data, make([]byte, size-int64(len(n.data)))...)
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
		return nil, eNXIO
	case !n.isReg():
		return nil, eNXIO
	}
	fresh := n.lower != nil
	if err := t.sys.load(n); err != nil {
		return nil, err
	}
	f.ops = regular{n: n}
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
	} else if fresh {
		t.inodeOf(n)
	}
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
