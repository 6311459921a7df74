package linux

// What stat(2) and its like tell of a file.

const blockSize = 4096

// blocks is st_blocks: a file takes whole blocks, a symbolic link none.
func (n *node) blocks() uint64 {
	if n.isLink() {
		return 0
	}
	return pageUp(uint64(n.length())) / 512
}

// stat is struct stat.
func (n *node) stat() []byte {
	p := make([]byte, 144)
	size := n.length()
	put64(p, 1) // st_dev
	put64(p[8:], n.ino)
	put64(p[16:], uint64(n.nlink))
	put32(p[24:], n.mode)
	put32(p[28:], n.uid)
	put32(p[32:], n.gid)
	put64(p[40:], n.rdev)
	put64(p[48:], uint64(size))
	put64(p[56:], blockSize)
	put64(p[64:], n.blocks())
	for i, ns := range [...]int64{n.atime, n.mtime, n.mtime} {
		copy(p[72+16*i:], timespecBytes(ns))
	}
	return p
}

// statx is struct statx with the basic fields.
func (n *node) statx() []byte {
	p := make([]byte, 256)
	size := n.length()
	put32(p, 0x7ff) // STATX_BASIC_STATS
	put32(p[4:], blockSize)
	put32(p[16:], n.nlink)
	put32(p[20:], n.uid)
	put32(p[24:], n.gid)
	put16(p[28:], uint16(n.mode))
	put64(p[32:], n.ino)
	put64(p[40:], uint64(size))
	put64(p[48:], n.blocks())
	for i, ns := range [...]int64{n.atime, n.mtime, n.mtime, n.mtime} { // access, birth, change, modification
		put64(p[64+16*i:], uint64(ns/second))
		put32(p[72+16*i:], uint32(ns%second))
	}
	put32(p[128:], uint32(n.rdev>>8))
	put32(p[132:], uint32(n.rdev&0xff))
	put32(p[136:], 0)
	put32(p[140:], 1)
	return p
}

func sysStat(t *Thread, a args) (uint64, error) {
	return sysNewfstatat(t, args{atFDCWD, a[0], a[1]})
}

func sysLstat(t *Thread, a args) (uint64, error) {
	return sysNewfstatat(t, args{atFDCWD, a[0], a[1], atNofollow})
}

func sysFstat(t *Thread, a args) (uint64, error) {
	f, err := t.file(a[0])
	if err != nil {
		return 0, err
	}
	return 0, t.copyOut(a[1], t.nodeOf(f).stat())
}

// sysNewfstatat is newfstatat(dir, path, stat, flags).
func sysNewfstatat(t *Thread, a args) (uint64, error) {
	n, err := t.lookup(a[0], a[1], a[3], a[3]&atNofollow == 0)
	if err != nil {
		return 0, err
	}
	return 0, t.copyOut(a[2], n.stat())
}

// sysStatx is statx(dir, path, flags, mask, statx).
func sysStatx(t *Thread, a args) (uint64, error) {
	if a[1] == 0 && a[2]&atEmptyPath != 0 {
		f, err := t.file(a[0])
		if err != nil {
			return 0, err
		}
		return 0, t.copyOut(a[4], t.nodeOf(f).statx())
	}
	n, err := t.lookup(a[0], a[1], a[2], a[2]&atNofollow == 0)
	if err != nil {
		return 0, err
	}
	return 0, t.copyOut(a[4], n.statx())
}

// statfs is struct statfs of the one file system that there is.
func (s *system) statfs() []byte {
	p := make([]byte, 120)
	put64(p, 0x01021994) // TMPFS_MAGIC
	put64(p[8:], blockSize)
	put64(p[16:], s.memory()/blockSize)
	put64(p[24:], (s.memory()-min(s.used, s.memory()))/blockSize)
	put64(p[32:], (s.memory()-min(s.used, s.memory()))/blockSize)
	put64(p[64:], nameMax)
	put64(p[72:], blockSize)
	return p
}

func sysStatfs(t *Thread, a args) (uint64, error) {
	if _, err := t.lookup(atFDCWD, a[0], 0, true); err != nil {
		return 0, err
	}
	return 0, t.copyOut(a[1], t.sys.statfs())
}

func sysFstatfs(t *Thread, a args) (uint64, error) {
	if _, err := t.file(a[0]); err != nil {
		return 0, err
	}
	return 0, t.copyOut(a[1], t.sys.statfs())
}
