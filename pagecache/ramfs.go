package pagecache

import "trapline/sim"

// Ramfs is a file system that has its data in memory: a read has ended, and the
// page is unlocked, when readpage returns. It never fails.
var Ramfs = &FS{
	aops:   &AOps{Name: "ramfs_aops", Readpage: SimpleReadpage},
	submit: ramfsSubmit,
}

// SimpleReadpage is simple_readpage(): it fills the page and unlocks it.
func SimpleReadpage(k *sim.K, inode *Inode, page *Page) error {
	SubmitRead(k, inode, page, MpageEndIORead)
	return nil
}

// ramfsSubmit does the whole read at once.
func ramfsSubmit(k *sim.K, b *bio) {
	for _, p := range b.pages {
		fillFromDevice(k, b.inode, p)
		b.endIO(k, p, nil)
	}
}
