// Package sim is a deterministic machine for kernel-like code: it takes one
// step at a time, in an order that is chosen from outside.
//
// # What a step is
//
// Kernel code is ordinary Go written against one handle, [K], whose methods are
// the kernel's verbs: k.MutexLock(&inode.IMutex). Each task is a coroutine. Every
// verb that touches state shared with other tasks is a step. Other tasks may run
// just before a step and nowhere else, so a step and the Go code up to the next
// one are indivisible. Memory that a lock protects needs no steps: it lies in a
// [Cell], or in a container with a [Data], and is checked for data races, which
// is what makes leaving it out of the schedule sound.
//
// # Who chooses
//
// A [Strategy] makes every choice: who takes the next step, when an interrupt
// arrives, whether an allocation fails. Nothing else is left to chance, so the
// choices of an execution ([Schedule]) replay it exactly, on any machine. Code
// that runs here must not start goroutines, use channels, clocks or random
// numbers, range over maps, or print addresses; a test of the repository
// enforces that.
//
// # Memory order
//
// By default memory is sequentially consistent: a load reads the last store. With
// [Machine.Memory] it is that of x86 (TSO) or of the Linux-kernel memory model (LKMM),
// where barriers and the forms of atomic operations matter: see weak.go.
//
// # What is watched
//
// In every execution the machine checks for deadlock, lock order (learnt, as by
// lockdep, and claimed by the design), recursive locking, unlocking by a
// stranger, locks held at the end, sleeping where that is forbidden, use after
// free, double free, leaks and data races. A broken rule is a [Violation] and
// ends the execution.
//
// Start at [Machine.Run], then [K.StepWait]; each primitive has a file of its
// own (mutex.go, rwsem.go, ...). Package explore runs a program through all its
// executions.
package sim
