// Package pagecache is the page cache of Linux 2.6.16 on the machine of package
// sim: files, the pages of them that are in memory, and every way in which such
// a page is filled, found, mapped, dropped and cut off.
//
// # How a page comes to be usable
//
// Whoever misses a page allocates one and adds it to the cache locked and not up
// to date; from then on others find it. The readpage method of the file's table
// of methods ([AOps]) then starts a read and returns. The read ends later,
// somewhere else: the device's interrupt fills the page, sets PG_uptodate or
// PG_error, and unlocks it. So "readpage returned 0" says only that a read was
// started; a page is usable when PG_uptodate was seen. The package watches that
// rule ([PageNotUptodate]).
//
// # What protects what
//
//	inode->i_mutex          truncation
//	PG_locked               page->mapping, and the page while it is being filled
//	mapping->i_mmap_lock    who maps the file
//	mapping->tree_lock      the pages of a mapping
//
// The tree lock only ever covers one operation on the tree, so each of them is
// one step and the lock itself is left out. mapping->a_ops is protected by
// nothing.
//
// # What is left out
//
// Pages are never written back: the disk is constant, except that truncation
// shortens it. There is no LRU: [Reclaim] is told which page to drop.
// Allocating a page never fails.
//
// Start at [NewInode], then [DoGenericMappingRead] and [FilemapNopage].
package pagecache
