// Package linux is Linux as a program sees it: it loads static ELF programs into
// an address space of package vm, runs their threads as tasks of the machine of
// package sim, and answers their system calls.
//
// Start at [Run]. A thread ([Thread]) executes instructions until its slice of
// time ends or something needs the kernel; see thread.go. Each family of system
// calls has a file of its own, sys_NAME.go, and adds its rows to the table in
// syscall.go.
//
// A system call is a step on the kernel as a whole, as if under one big lock; the
// parts that sleep, page faults and reads of files, are the steps of vm and
// pagecache. What decides the order of threads and the arrival of pages is the
// strategy, which a seed gives. Time is virtual: an instruction takes a
// nanosecond, and where nobody can go on, the clock is put forward to when
// somebody can.
//
// A program sees no more of the host than what [Config] grants: files come from
// an [io/fs.FS], and what is written stays in memory.
package linux
