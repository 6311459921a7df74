// Package vm is what of the address spaces of Linux 2.6.16 matters to probes:
// areas that map files, page tables, page faults with copy-on-write, and what a
// processor sees of them. It has also the programs that are mapped ([Image]).
//
// The areas of an address space lie under mm->mmap_sem. Page tables have a lock
// that only ever covers one operation, so each such operation is one step. There
// is no fork, no anonymous memory but for private copies of file pages, and no
// swap.
//
// Start at [NewMM], [DoMmap], and [Fetch] with [HandleMmFault].
package vm
