package linux

import (
	"io"
	"io/fs"
	"path"

	"trapline/sim"
)

// What of the host is read, and how. The user grants trees of files as fs.FS;
// the names of directories and links are looked up by the walk of path.go, so a
// symbolic link leads to a place in the tree of the program, never to one on the
// host.

// maxFile is the largest file that is read from the host.
const maxFile = 256 << 20

// graft makes the entries of a granted tree appear in a directory.
func (s *system) graft(dir *node, fsys fs.FS) {
	dir.lower = &lower{fsys, "."}
}

// list makes sure that the entries of a directory are known. One that cannot be
// read is empty. What is there already, the program for one, stays.
func (s *system) list(dir *node) {
	from := dir.lower
	if from == nil {
		return
	}
	dir.lower = nil
	entries, err := fs.ReadDir(from.fsys, from.path)
	if err != nil {
		s.note("%s: %v", from.path, err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || dir.children[e.Name()] != nil {
			continue // deleted since, or hidden by what lies above
		}
		if n := s.fromHost(&lower{from.fsys, path.Join(from.path, e.Name())}, info); n != nil {
			dir.add(e.Name(), n)
		}
	}
}

// fromHost makes the node of a granted file. Devices, sockets and FIFOs of the
// host are not shown.
func (s *system) fromHost(l *lower, info fs.FileInfo) *node {
	perm := uint32(info.Mode().Perm())
	var n *node
	switch m := info.Mode(); {
	case m.IsDir():
		n = s.newNode(modeDir | perm)
		n.lower = l
	case m.IsRegular():
		n = s.newNode(modeReg | perm)
		n.lower, n.size = l, info.Size()
	case m&fs.ModeSymlink != 0:
		target, err := fs.ReadLink(l.fsys, l.path)
		if err != nil {
			return nil
		}
		n = s.newNode(modeLink | 0o777)
		n.target = target
	default:
		return nil
	}
	n.mtime = info.ModTime().UnixNano()
	n.atime = n.mtime
	return n
}

// load makes sure that the content of a regular file is in memory.
func (s *system) load(n *node) error {
	from := n.lower
	if from == nil || !n.isReg() {
		return nil
	}
	if n.size > maxFile {
		s.note("%s: has %d bytes, and %d is the most that a program is given", from.path, n.size, maxFile)
		return eFBIG
	}
	if !s.charge(uint64(n.size)) {
		s.note("%s: has %d bytes, and %d of %d bytes of memory are in use by files (--max-memory)", from.path, n.size, s.used, s.MaxMemory)
		return eFBIG
	}
	f, err := from.fsys.Open(from.path)
	if err != nil {
		s.note("%s: %v", from.path, err)
		return eACCES
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return eACCES
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		s.note("%s: %v", from.path, err)
		return sim.EIO
	}
	if len(data) > maxFile {
		return eFBIG
	}
	n.lower, n.data = nil, data
	return nil
}
