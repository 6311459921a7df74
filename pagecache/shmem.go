package pagecache

import "trapline/sim"

// Tmpfs is a file system that has its files in memory only. What was written stays
// in the page cache, dirty, until it is truncated: nothing writes it back, so reclaim
// cannot take it. There is no swap.
var Tmpfs = &FS{
	aops:   &AOps{Name: "shmem_aops", Readpage: SimpleReadpage},
	submit: ramfsSubmit,
	writes: true,
}

// ShmemFileSetup is shmem_file_setup(): a file of zeroes that nobody else knows, for
// shared memory without a file.
func ShmemFileSetup(k *sim.K, name string, size int64) *Inode {
	inode := NewInode(k, name, nil, Tmpfs)
	inode.ISize.Init(k, "inode->i_size", size)
	inode.size = size
	return inode
}
