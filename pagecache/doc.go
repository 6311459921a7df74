// Package pagecache is the page cache of Linux on the machine of package sim: files,
// the pages of them that are in memory, and every way in which such a page is filled,
// found, mapped, written back, dropped and cut off.
//
// # Two kinds of file
//
// Files of [Disk], [Ramfs] and [NewLoop] can be read only. They and what is done with
// them are those of Linux 2.6.16, for the designs of that time. Files of [NewBlockFS],
// [NewServer] and [Tmpfs] can be written, and have what later kernels added: readahead windows,
// faults that return the page locked, errors that each open file is told of, and
// invalidate_lock.
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
// # How a page that was written comes to the device
//
// [GenericFileWrite], or a store through a page table after [FilemapPageMkwrite],
// makes a page dirty. [Fsync], the flusher or reclaim locks it, makes it clean, sets
// PG_writeback, unlocks it and submits it; the device takes its content at any time
// from then on, and the interrupt at the end clears PG_writeback. The page is made
// clean first, so what is written to it meanwhile makes it dirty again. Page tables
// that map it lose the right to write at the same time ([Cleaner]), or have its dirty
// flag set at every store.
//
// # What protects what
//
//	inode->i_mutex            truncation and write(2)
//	mapping->invalidate_lock  reads from the device, against freeing blocks
//	PG_locked                 page->mapping, and the page while it is being filled
//	PG_writeback              the page in the cache, and its blocks
//	mapping->i_mmap_lock      who maps the file
//	mapping->tree_lock        the pages of a mapping
//	zone->lock                the free pages, and which page is the oldest
//
// The tree lock and the zone lock only ever cover one operation, so each of them is
// one step and the lock itself is left out. mapping->a_ops is protected by nothing.
//
// # What the strategy decides
//
// Which request a [BlockDevice] works on, when it ends, whether it fails, and how much
// a failed write has written.
//
// # What is left out
//
// Requests are not merged, and are not held back by a plug. Those who write are not
// made to wait for the flusher. There is one list of pages for reclaim, on which a page
// that was used goes back to the end, instead of an active and an inactive one. There
// is no swap, so anonymous pages are only given back. A program that fails to read the
// page that it wants to write to in part gets an error. Nothing faults while data is copied
// to or from a page.
//
// Start at [NewInode], then [DoGenericMappingRead] and [FilemapNopage]; for what is
// written at [NewBlockFS], [GenericFileWrite] and [WriteCachePages].
package pagecache
