package pagecache

import "trapline/sim"

// File is struct file as the page cache sees it: a file that somebody has opened.
type File struct {
	// Inode is the file itself.
	Inode *Inode
	// Append is O_APPEND: every write goes to the end of the file. It is to be set
	// before the file is shared.
	Append bool
	// RAPages is ra_pages, the largest readahead window in pages; 0 switches
	// readahead off. It is to be set before the file is shared.
	RAPages int

	ra    readahead
	since uint32 // the errors that it has reported; ordered by mapping->wb_err
}

// OpenFile is do_dentry_open(): an open file without readahead.
func OpenFile(k *sim.K, inode *Inode) *File {
	f := &File{Inode: inode}
	f.ra.o.Init(k, "file->f_ra")
	if inode.fs.writes {
		f.since = inode.Mapping.wbErr.sample(k)
	}
	return f
}
