package pagecache

import "trapline/sim"

// Inode is struct inode of a regular file.
type Inode struct {
	// Name of the file, for traces.
	Name string
	// IMutex is i_mutex: it serialises changes of the size.
	IMutex sim.Mutex
	// ISize is i_size, in bytes. Only the holder of IMutex changes it; anyone
	// reads it.
	ISize sim.Word[int64]
	// Mapping is i_mapping: the pages of the file that are in memory.
	Mapping *Mapping

	// IOMayFail lets the strategy fail reads from the disk. It is to be set
	// before the tasks start.
	IOMayFail bool
	// Recycled says that a new page of the file holds what somebody else has left in
	// it, and that nobody watches for uses of a page before PG_uptodate: so one sees
	// what comes of them. It is to be set before the tasks start.
	Recycled bool
	// ReadaheadPages is how many pages a read or a fault asks for at once
	// before it needs the first of them; 0 switches readahead off. It is to be
	// set before the tasks start.
	ReadaheadPages int

	// Zone is where the pages of the file are taken from, nil if there is no end of
	// memory. It is to be set before the tasks start.
	Zone *Zone

	fs *FS
	// content is what the device held at first, never changed. allocated is how
	// many bytes of it belong to the file; written is what was written since, by
	// index. size is what i_size has become last: no read brings in what lies in pages
	// behind it. blocks orders the uses of all of these.
	content   []byte
	blocks    sim.Object
	allocated int64
	written   []block
	size      int64

	writecountObj sim.Object
	writecount    int
}

// FS is a file system as the page cache sees it: the methods that its files are
// born with, and the device below it. [Disk], [Ramfs] and [NewLoop] can be read
// only, as in the designs of 2006; [NewBlockFS], [NewServer] and [Tmpfs] are the ones
// that can be written.
type FS struct {
	aops   *AOps
	submit func(k *sim.K, b *bio)
	writes bool
	dev    *BlockDevice // nil if it is none of those
}

// NewInode returns a file of fs that holds content, which must not be changed
// from then on. It is for the setup of a scenario.
func NewInode(k *sim.K, name string, content []byte, fs *FS) *Inode {
	inode := &Inode{Name: name, fs: fs, content: content, allocated: int64(len(content)), size: int64(len(content))}
	k.MutexInit(&inode.IMutex, "inode->i_mutex")
	inode.ISize.Init(k, "inode->i_size", int64(len(content)))
	inode.blocks.Init(k, "inode->i_blocks")
	inode.writecountObj.Init(k, "inode->i_writecount")
	inode.Mapping = newMapping(k, inode)
	if fs.dev != nil {
		fs.dev.inodes = append(fs.dev.inodes, inode)
	}
	return inode
}

// iSizeWrite is i_size_write(). A page that lies behind the size is a hole for reads that
// are submitted from now on, whatever the device still holds: they find zeroes.
func (inode *Inode) iSizeWrite(k *sim.K, size int64) {
	inode.ISize.Write(k, size)
	k.Touch(&inode.blocks, sim.Write)
	inode.size = size
}

var _ = sim.Plumbing("i_size_write")

// pages is how many pages a file of size bytes has.
func pages(size int64) uint64 { return uint64(size+PageSize-1) >> PageShift }
