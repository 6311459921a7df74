package pagecache

import "trapline/sim"

// AOps is struct address_space_operations: the methods by which the page cache
// has pages of a file read and written.
type AOps struct {
	// Name of the table, for traces.
	Name string
	// Life is the allocation that the table lies in, nil for a static table.
	// Loading a method from a freed table is a use after free.
	Life *sim.Life
	// Readpage starts to read a page, which is in the cache, locked, and not up
	// to date. The end of the read, successful or not, unlocks it. An error
	// means that no read was started; then Readpage has unlocked the page.
	Readpage func(k *sim.K, inode *Inode, page *Page) error
	// Writepage starts to write a page back, which is in the cache, locked, and was
	// dirty until now. It sets PG_writeback, which the end of the write clears, and
	// unlocks the page. It is nil for files that are not written back.
	Writepage func(k *sim.K, inode *Inode, page *Page) error
	// Readpages adds to the cache those of the pages that are not there yet,
	// starts to read them, and drops the caller's reference to each. It may be
	// nil.
	Readpages func(k *sim.K, inode *Inode, pages []*Page) error
}

var (
	opLoadReadpage  = sim.NewOp("%s->readpage")
	opLoadReadpages = sim.NewOp("%s->readpages")
	opLoadWritepage = sim.NewOp("%s->writepage")
)

var _ = sim.Plumbing("load_readpage", "load_readpages", "load_writepage", "call_readpage")

// String is the name of the table.
func (a *AOps) String() string { return a.Name }

// LoadReadpage loads the method from the table: a step if the table can be
// freed.
func (a *AOps) LoadReadpage(k *sim.K) func(k *sim.K, inode *Inode, page *Page) error {
	if a.Life != nil {
		k.Use(opLoadReadpage, a.Life)
	}
	return a.Readpage
}

// LoadReadpages is LoadReadpage for the other method, nil if there is none.
func (a *AOps) LoadReadpages(k *sim.K) func(k *sim.K, inode *Inode, pages []*Page) error {
	if a.Life != nil {
		k.Use(opLoadReadpages, a.Life)
	}
	return a.Readpages
}

// LoadWritepage is LoadReadpage for the method that writes, nil if there is none.
func (a *AOps) LoadWritepage(k *sim.K) func(k *sim.K, inode *Inode, page *Page) error {
	if a.Life != nil {
		k.Use(opLoadWritepage, a.Life)
	}
	return a.Writepage
}

// callReadpage is mapping->a_ops->readpage(file, page).
func callReadpage(k *sim.K, inode *Inode, page *Page) error {
	aops := inode.Mapping.AOps.Read(k)
	readpage := aops.LoadReadpage(k)
	return readpage(k, inode, page)
}
