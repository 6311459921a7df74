package pagecache

import (
	"github.com/google/btree"

	"trapline/sim"
)

// Mapping is struct address_space: the pages of one file that are in memory,
// and who maps them.
type Mapping struct {
	// Host is the file.
	Host *Inode
	// AOps is a_ops, the methods of the file. The page cache reads it without
	// any lock.
	AOps sim.Word[*AOps]

	// IMmapLock is i_mmap_lock: it lets the mappers be walked.
	IMmapLock   sim.SpinLock
	mappersData sim.Data
	mappers     []Mapper // protected by IMmapLock

	truncateObj   sim.Object
	truncateCount uint32 // changed under IMmapLock, read without it

	wbErr errseq // of files that are written back

	tree  sim.Object // stands for tree_lock and what it protects
	pages *btree.BTreeG[*Page]
}

func newMapping(k *sim.K, host *Inode) *Mapping {
	m := &Mapping{
		Host:  host,
		pages: btree.NewG(8, func(a, b *Page) bool { return a.Index < b.Index }),
	}
	m.AOps.Init(k, "mapping->a_ops", host.fs.aops)
	k.SpinLockInit(&m.IMmapLock, "mapping->i_mmap_lock")
	m.mappersData.Init(k, "mapping->i_mmap")
	m.truncateObj.Init(k, "mapping->truncate_count")
	m.tree.Init(k, host.Name)
	if host.fs.writes {
		m.wbErr.init(k)
	}
	return m
}

// page is the page at index, nil if it is not in memory. The caller is in a step
// on the tree.
func (m *Mapping) page(index uint64) *Page {
	p, _ := m.pages.Get(&Page{Index: index})
	return p
}
