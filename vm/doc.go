// Package vm is the address spaces of the simulated kernel: areas that map files
// and anonymous memory, page tables, page faults with copy-on-write, fork, and
// what processors see of all that. It has also the programs that are mapped
// ([Image]).
//
// What 2.6.16 has is as there, step by step, for the designs of 2006. The rest
// follows later kernels where programs can tell: what mmap(2), mremap(2),
// mprotect(2) and brk(2) return, where areas go and become one, and the codes of
// signals.
//
// # What protects what
//
// The areas of an address space lie under mm->mmap_sem. Page tables have a lock
// that mostly covers one operation, so each such operation is one step. A page is
// referenced by each page table entry; a page of a file is found through the areas
// that map the file ([Mappings], [VMAAddress]).
//
// # Two ways to execute
//
// [Fetch] and [Store] access one byte in one step, for scenarios. A [CPU] executes
// whole programs: fast, with a run of instructions a step, or with each access to
// memory a step ([MM.Watched]), for searches. Its TLB must be flushed when less is
// allowed than before; all operations here do so, and a design that forgets it is
// found out ([StaleTLB]).
//
// # What is left out
//
// There is no swap, no page of zeroes that all share, no huge page, no anon_vma (so
// areas become one that the kernel would keep apart for it), and no limit on locked
// memory.
//
// Start at [MMAlloc], [Mmap], [DoPageFault] and [NewCPU].
package vm
