package linux

import (
	"io/fs"
	"maps"
	"slices"

	"trapline/pagecache"
)

// The types of files in st_mode.
const (
	modeType = 0o170000
	modeFIFO = 0o010000
	modeChar = 0o020000
	modeDir  = 0o040000
	modeReg  = 0o100000
	modeLink = 0o120000
)

// A node is a file of the tree that programs see, an inode with its place. It
// lies in memory; what comes from the host is read when it is first used, and
// changes made later on the host are not seen.
type node struct {
	ino    uint64
	mode   uint32
	uid    uint32
	gid    uint32
	nlink  uint32
	mtime  int64 // in nanoseconds since 1970
	atime  int64
	parent *node // the directory that it was put into last
	name   string
	rdev   uint64

	children map[string]*node // of a directory
	lower    *lower           // where the content comes from, until it is read
	target   string           // of a symbolic link
	data     []byte           // of a regular file, before anybody may have written to it
	size     int64            // of a file that has yet to be read
	inode    *pagecache.Inode // of a regular file that somebody has opened
	written  bool             // the inode alone knows the content
	fifo     *pipe            // of a FIFO that somebody has opened
	writers  int              // open files that write to it
	open     func(t *Thread, flags int) (fileOps, error)
	link     func(t *Thread) string // makes the target
}

// A lower is a file that is granted by the user.
type lower struct {
	fsys fs.FS
	path string
}

func (n *node) isDir() bool  { return n.mode&modeType == modeDir }
func (n *node) isLink() bool { return n.mode&modeType == modeLink }
func (n *node) isReg() bool  { return n.mode&modeType == modeReg }

// length is the size of a file as stat shows it.
func (n *node) length() int64 {
	switch {
	case n.isLink():
		return int64(len(n.target))
	case n.lower != nil && n.isReg():
		return n.size
	case n.inode != nil:
		return n.inode.ISize.Peek()
	case n.isReg():
		return int64(len(n.data))
	case n.isDir():
		return 4096
	}
	return 0
}

// names are the entries of a directory in order.
func (n *node) names() []string { return slices.Sorted(maps.Keys(n.children)) }

// newNode makes a file that is in no directory yet.
func (s *system) newNode(mode uint32) *node {
	s.lastIno++
	n := &node{ino: s.lastIno, mode: mode, nlink: 1, mtime: s.wallClock(), atime: s.wallClock()}
	if n.isDir() {
		n.nlink = 2
		n.children = map[string]*node{}
	}
	return n
}

// nodeCost is what a file takes beside its name and what it holds, in bytes.
const nodeCost = 512

// create puts a new file into a directory, if the budget of memory has room for it.
func (s *system) create(dir *node, name string, n *node) error {
	if !s.charge(uint64(nodeCost + len(name) + len(n.target))) {
		return eNOSPC
	}
	dir.add(name, n)
	dir.mtime = s.wallClock()
	return nil
}

// add puts a file into a directory.
func (n *node) add(name string, child *node) *node {
	n.children[name] = child
	child.parent, child.name = n, name
	return child
}

// mkdirAll is the directory at a path, made where it is missing.
func (s *system) mkdirAll(names []string) *node {
	dir := s.root
	for _, name := range names {
		s.list(dir)
		next := dir.children[name]
		if next == nil || !next.isDir() {
			next = dir.add(name, s.newNode(modeDir|0o755))
		}
		dir = next
	}
	return dir
}
