package linux

import "trapline/sim"

// pathCalls are the system calls on the names of files.
func pathCalls() map[uint64]call {
	return map[uint64]call{
		2:   {"open", sysOpen},
		4:   {"stat", sysStat},
		6:   {"lstat", sysLstat},
		21:  {"access", sysAccess},
		76:  {"truncate", sysTruncate},
		79:  {"getcwd", sysGetcwd},
		80:  {"chdir", sysChdir},
		81:  {"fchdir", sysFchdir},
		82:  {"rename", sysRename},
		83:  {"mkdir", sysMkdir},
		84:  {"rmdir", sysRmdir},
		85:  {"creat", sysCreat},
		86:  {"link", sysLink},
		87:  {"unlink", sysUnlink},
		88:  {"symlink", sysSymlink},
		89:  {"readlink", sysReadlink},
		90:  {"chmod", sysChmod},
		91:  {"fchmod", sysFchmod},
		92:  {"chown", sysChown},
		93:  {"fchown", sysFchown},
		94:  {"lchown", sysChown},
		95:  {"umask", sysUmask},
		133: {"mknod", sysMknod},
		137: {"statfs", sysStatfs},
		138: {"fstatfs", sysFstatfs},
		257: {"openat", sysOpenat},
		258: {"mkdirat", sysMkdirat},
		259: {"mknodat", sysMknodat},
		260: {"fchownat", sysFchownat},
		262: {"newfstatat", sysNewfstatat},
		263: {"unlinkat", sysUnlinkat},
		264: {"renameat", sysRenameat},
		265: {"linkat", sysLinkat},
		266: {"symlinkat", sysSymlinkat},
		267: {"readlinkat", sysReadlinkat},
		268: {"fchmodat", sysFchmodat},
		269: {"faccessat", sysFaccessat},
		280: {"utimensat", sysUtimensat},
		316: {"renameat2", sysRenameat2},
		319: {"memfd_create", sysMemfdCreate},
		332: {"statx", sysStatx},
		439: {"faccessat2", sysFaccessat},
	}
}

const (
	atFDCWD         = uint64(0xffffff9c)
	atNofollow      = 0x100
	atRemovedir     = 0x200
	atSymlinkFollow = 0x400
	atEmptyPath     = 0x1000
)

// at is the directory from which a path name of an ...at call begins.
func (t *Thread) at(fd uint64, path string) (*node, error) {
	if uint32(fd) == uint32(atFDCWD) || path != "" && path[0] == '/' {
		return t.fs.cwd, nil
	}
	f, err := t.file(fd)
	if err != nil {
		return nil, err
	}
	if f.node == nil || !f.node.isDir() {
		return nil, eNOTDIR
	}
	return f.node, nil
}

// lookup finds the file that an ...at call names.
func (t *Thread) lookup(fd, addr uint64, flags uint64, follow bool) (*node, error) {
	path, err := t.path(addr)
	if err != nil {
		return nil, err
	}
	if path == "" && flags&atEmptyPath != 0 {
		if uint32(fd) == uint32(atFDCWD) {
			return t.fs.cwd, nil
		}
		f, err := t.file(fd)
		if err != nil {
			return nil, err
		}
		return t.nodeOf(f), nil
	}
	dir, err := t.at(fd, path)
	if err != nil {
		return nil, err
	}
	return t.find(dir, path, follow)
}

// nodeOf is the file as stat sees it; what lies in no directory has a node of its
// own kind.
func (t *Thread) nodeOf(f *file) *node {
	if f.node == nil {
		mode := uint32(0o600)
		if _, ok := f.ops.(pipeEnd); ok {
			mode |= modeFIFO
		}
		f.node = t.sys.newNode(mode)
	}
	return f.node
}

// path reads a path name.
func (t *Thread) path(addr uint64) (string, error) {
	p, err := t.readString(addr, pathMax)
	if err == sim.ENOENT {
		return "", eNAMETOOLONG
	}
	return p, err
}

// parentOf finds the directory of a file that is to be made or removed.
func (t *Thread) parentOf(fd, addr uint64) (walk, error) {
	path, err := t.path(addr)
	if err != nil {
		return walk{}, err
	}
	dir, err := t.at(fd, path)
	if err != nil {
		return walk{}, err
	}
	w, err := t.walk(dir, path, false)
	if err == nil && (w.name == "." || w.name == "..") {
		return w, sim.EINVAL
	}
	return w, err
}

func sysOpen(t *Thread, a args) (uint64, error) {
	return sysOpenat(t, args{atFDCWD, a[0], a[1], a[2]})
}

func sysCreat(t *Thread, a args) (uint64, error) {
	return sysOpenat(t, args{atFDCWD, a[0], oCreat | oWronly | oTrunc, a[1]})
}

func sysOpenat(t *Thread, a args) (uint64, error) {
	path, err := t.path(a[1])
	if err != nil {
		return 0, err
	}
	dir, err := t.at(a[0], path)
	if err != nil {
		return 0, err
	}
	flags := int(uint32(a[2])) &^ oLargefile
	if flags&oTmpfile == oTmpfile {
		return 0, eOPNOTSUPP
	}
	w, err := t.walk(dir, path, flags&oNofollow == 0 && flags&(oCreat|oExcl) != oCreat|oExcl)
	if err != nil {
		return 0, err
	}
	switch {
	case w.node == nil && flags&oCreat == 0:
		return 0, sim.ENOENT
	case w.node == nil && path[len(path)-1] == '/':
		return 0, eISDIR
	case w.node == nil:
		if !t.sys.writableDir(w.dir) {
			return 0, eACCES
		}
		w.node = t.sys.newNode(modeReg | uint32(a[3])&0o7777&^t.fs.umask)
		if err := t.sys.create(w.dir, w.name, w.node); err != nil {
			return 0, err
		}
	case flags&(oCreat|oExcl) == oCreat|oExcl:
		return 0, sim.EEXIST
	case flags&oCreat != 0 && w.node.isDir():
		return 0, eISDIR
	case flags&oDirectory != 0 && !w.node.isDir():
		return 0, eNOTDIR
	}
	f, err := t.openNode(w.node, flags)
	if err != nil {
		return 0, err
	}
	return t.newFD(f, flags&oCloexec != 0)
}

// writableDir says that files can be made in a directory: not in /proc.
func (s *system) writableDir(dir *node) bool {
	for d := dir; d != s.root && d != nil; d = d.parent {
		if d == s.proc {
			return false
		}
	}
	return true
}

func sysAccess(t *Thread, a args) (uint64, error) {
	return sysFaccessat(t, args{atFDCWD, a[0], a[1]})
}

func sysFaccessat(t *Thread, a args) (uint64, error) {
	n, err := t.lookup(a[0], a[1], a[3], a[3]&atNofollow == 0)
	if err != nil {
		return 0, err
	}
	if a[2]&1 != 0 && !n.isDir() && n.mode&0o111 == 0 {
		return 0, eACCES
	}
	return 0, nil
}

func sysTruncate(t *Thread, a args) (uint64, error) {
	n, err := t.lookup(atFDCWD, a[0], 0, true)
	switch {
	case err != nil:
		return 0, err
	case n.isDir():
		return 0, eISDIR
	case !n.isReg() || int64(a[1]) < 0:
		return 0, sim.EINVAL
	}
	if err := t.sys.load(n); err != nil {
		return 0, err
	}
	return 0, t.resize(n, int64(a[1]))
}

func sysGetcwd(t *Thread, a args) (uint64, error) {
	p := append([]byte(t.sys.pathOf(t.fs.cwd)), 0)
	if uint64(len(p)) > a[1] {
		return 0, eRANGE
	}
	return uint64(len(p)), t.copyOut(a[0], p)
}

func sysChdir(t *Thread, a args) (uint64, error) {
	n, err := t.lookup(atFDCWD, a[0], 0, true)
	if err != nil {
		return 0, err
	}
	return 0, t.chdir(n)
}

func sysFchdir(t *Thread, a args) (uint64, error) {
	f, err := t.file(a[0])
	if err != nil {
		return 0, err
	}
	return 0, t.chdir(t.nodeOf(f))
}

func (t *Thread) chdir(n *node) error {
	if !n.isDir() {
		return eNOTDIR
	}
	t.fs.cwd = n
	return nil
}

func sysMkdir(t *Thread, a args) (uint64, error) {
	return sysMkdirat(t, args{atFDCWD, a[0], a[1]})
}

func sysMkdirat(t *Thread, a args) (uint64, error) {
	return 0, t.make(a[0], a[1], func() *node { return t.sys.newNode(modeDir | uint32(a[2])&0o7777&^t.fs.umask) })
}

func sysMknod(t *Thread, a args) (uint64, error) {
	return sysMknodat(t, args{atFDCWD, a[0], a[1], a[2]})
}

// sysMknodat is mknodat(dir, path, mode, dev), which makes regular files and FIFOs.
func sysMknodat(t *Thread, a args) (uint64, error) {
	mode := uint32(a[2])
	switch mode & modeType {
	case 0:
		mode |= modeReg
	case modeReg, modeFIFO:
	default:
		return 0, ePERM
	}
	return 0, t.make(a[0], a[1], func() *node { return t.sys.newNode(mode &^ t.fs.umask) })
}

// sysMemfdCreate is memfd_create(name, flags).
func sysMemfdCreate(t *Thread, a args) (uint64, error) {
	name, err := t.readString(a[0], nameMax-len("memfd:"))
	if err != nil || a[1]&^uint64(3) != 0 {
		return 0, sim.EINVAL
	}
	n := t.sys.newNode(modeReg | 0o777)
	n.nlink = 0
	t.inodeOf(n).Name = "/memfd:" + name + " (deleted)"
	f, err := t.openNode(n, oRdwr)
	if err != nil {
		return 0, err
	}
	return t.newFD(f, a[1]&1 != 0)
}

// make puts a new file where there is none.
func (t *Thread) make(fd, addr uint64, f func() *node) error {
	w, err := t.parentOf(fd, addr)
	switch {
	case err == sim.EINVAL || err == nil && w.node != nil:
		return sim.EEXIST
	case err != nil:
		return err
	case !t.sys.writableDir(w.dir):
		return eACCES
	}
	return t.sys.create(w.dir, w.name, f())
}

func sysRmdir(t *Thread, a args) (uint64, error) {
	return sysUnlinkat(t, args{atFDCWD, a[0], atRemovedir})
}

func sysUnlink(t *Thread, a args) (uint64, error) {
	return sysUnlinkat(t, args{atFDCWD, a[0]})
}

func sysUnlinkat(t *Thread, a args) (uint64, error) {
	w, err := t.parentOf(a[0], a[1])
	if err != nil {
		return 0, err
	}
	n := w.node
	switch {
	case n == nil:
		return 0, sim.ENOENT
	case !t.sys.writableDir(w.dir):
		return 0, ePERM
	case a[2]&atRemovedir == 0 && n.isDir():
		return 0, eISDIR
	case a[2]&atRemovedir != 0 && !n.isDir():
		return 0, eNOTDIR
	}
	if n.isDir() {
		t.sys.list(n)
		if len(n.children) > 0 {
			return 0, eNOTEMPTY
		}
	}
	delete(w.dir.children, w.name)
	n.nlink--
	w.dir.mtime = t.sys.wallClock()
	return 0, nil
}

func sysRename(t *Thread, a args) (uint64, error) {
	return sysRenameat2(t, args{atFDCWD, a[0], atFDCWD, a[1]})
}

func sysRenameat(t *Thread, a args) (uint64, error) {
	return sysRenameat2(t, args{a[0], a[1], a[2], a[3]})
}

func sysRenameat2(t *Thread, a args) (uint64, error) {
	from, err := t.parentOf(a[0], a[1])
	if err != nil {
		return 0, err
	}
	to, err := t.parentOf(a[2], a[3])
	if err != nil {
		return 0, err
	}
	const noreplace = 1
	n, old := from.node, to.node
	switch {
	case n == nil:
		return 0, sim.ENOENT
	case a[4]&^noreplace != 0:
		return 0, sim.EINVAL
	case n == old:
		return 0, nil
	case old != nil && a[4] == noreplace:
		return 0, sim.EEXIST
	case !t.sys.writableDir(from.dir) || !t.sys.writableDir(to.dir):
		return 0, eACCES
	case old != nil && old.isDir() && !n.isDir():
		return 0, eISDIR
	case old != nil && !old.isDir() && n.isDir():
		return 0, eNOTDIR
	}
	for d := to.dir; d != t.sys.root && d != nil && n.isDir(); d = d.parent {
		if d == n {
			return 0, sim.EINVAL // into itself
		}
	}
	if old != nil && old.isDir() {
		t.sys.list(old)
		if len(old.children) > 0 {
			return 0, eNOTEMPTY
		}
	}
	if old != nil {
		old.nlink--
	}
	delete(from.dir.children, from.name)
	to.dir.add(to.name, n)
	if n.inode != nil {
		n.inode.Name = t.sys.pathOf(n)
	}
	return 0, nil
}

func sysLink(t *Thread, a args) (uint64, error) {
	return sysLinkat(t, args{atFDCWD, a[0], atFDCWD, a[1]})
}

func sysLinkat(t *Thread, a args) (uint64, error) {
	n, err := t.lookup(a[0], a[1], a[4], a[4]&atSymlinkFollow != 0)
	if err != nil {
		return 0, err
	}
	if n.isDir() {
		return 0, ePERM
	}
	return 0, t.make(a[2], a[3], func() *node { n.nlink++; return n })
}

func sysSymlink(t *Thread, a args) (uint64, error) {
	return sysSymlinkat(t, args{a[0], atFDCWD, a[1]})
}

func sysSymlinkat(t *Thread, a args) (uint64, error) {
	target, err := t.path(a[0])
	if err != nil {
		return 0, err
	}
	if target == "" {
		return 0, sim.ENOENT
	}
	return 0, t.make(a[1], a[2], func() *node {
		n := t.sys.newNode(modeLink | 0o777)
		n.target = target
		return n
	})
}

func sysReadlink(t *Thread, a args) (uint64, error) {
	return sysReadlinkat(t, args{atFDCWD, a[0], a[1], a[2]})
}

func sysReadlinkat(t *Thread, a args) (uint64, error) {
	n, err := t.lookup(a[0], a[1], 0, false)
	switch {
	case err != nil:
		return 0, err
	case !n.isLink() || int32(a[3]) <= 0:
		return 0, sim.EINVAL
	}
	p := []byte(t.linkTarget(n))
	p = p[:min(uint64(len(p)), a[3])]
	return uint64(len(p)), t.copyOut(a[2], p)
}

func sysChmod(t *Thread, a args) (uint64, error) {
	return sysFchmodat(t, args{atFDCWD, a[0], a[1]})
}

func sysFchmodat(t *Thread, a args) (uint64, error) {
	n, err := t.lookup(a[0], a[1], 0, true)
	if err != nil {
		return 0, err
	}
	n.mode = n.mode&^0o7777 | uint32(a[2])&0o7777
	return 0, nil
}

func sysFchmod(t *Thread, a args) (uint64, error) {
	f, err := t.file(a[0])
	if err != nil {
		return 0, err
	}
	n := t.nodeOf(f)
	n.mode = n.mode&^0o7777 | uint32(a[1])&0o7777
	return 0, nil
}

func sysChown(t *Thread, a args) (uint64, error) {
	return sysFchownat(t, args{atFDCWD, a[0], a[1], a[2]})
}

func sysFchownat(t *Thread, a args) (uint64, error) {
	n, err := t.lookup(a[0], a[1], a[4], a[4]&atNofollow == 0)
	if err != nil {
		return 0, err
	}
	n.chown(a[2], a[3])
	return 0, nil
}

func sysFchown(t *Thread, a args) (uint64, error) {
	f, err := t.file(a[0])
	if err != nil {
		return 0, err
	}
	t.nodeOf(f).chown(a[1], a[2])
	return 0, nil
}

func (n *node) chown(uid, gid uint64) {
	if uint32(uid) != ^uint32(0) {
		n.uid = uint32(uid)
	}
	if uint32(gid) != ^uint32(0) {
		n.gid = uint32(gid)
	}
}

func sysUmask(t *Thread, a args) (uint64, error) {
	old := t.fs.umask
	t.fs.umask = uint32(a[0]) & 0o777
	return uint64(old), nil
}

// sysUtimensat is utimensat(dir, path, times, flags).
func sysUtimensat(t *Thread, a args) (uint64, error) {
	var n *node
	if a[1] == 0 {
		f, err := t.file(a[0])
		if err != nil {
			return 0, err
		}
		n = t.nodeOf(f)
	} else {
		var err error
		if n, err = t.lookup(a[0], a[1], a[3], a[3]&atNofollow == 0); err != nil {
			return 0, err
		}
	}
	now := t.sys.wallClock()
	times := [2]int64{now, now}
	if a[2] != 0 {
		const utimeNow, utimeOmit = 0x3fffffff, 0x3ffffffe
		var p [32]byte
		if err := t.copyIn(a[2], p[:]); err != nil {
			return 0, err
		}
		for i, old := range [2]int64{n.atime, n.mtime} {
			switch sec, nsec := int64(get64(p[16*i:])), get64(p[16*i+8:]); {
			case nsec == utimeNow:
			case nsec == utimeOmit:
				times[i] = old
			case nsec >= 1_000_000_000:
				return 0, sim.EINVAL
			default:
				times[i] = seconds(sec) + int64(nsec)
			}
		}
	}
	n.atime, n.mtime = times[0], times[1]
	return 0, nil
}

// ttyNode is the node of one of the first three files: a pipe without a name.
func (s *system) ttyNode(int) *node { return s.newNode(modeFIFO | 0o600) }
