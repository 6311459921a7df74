// Package x86 executes the instructions of user-mode x86-64 programs: the
// 64-bit integer instructions, SSE and SSE2, and x87 as far as programs at the
// baseline of the architecture use it. It knows no operating system: whatever
// needs a kernel (a fault, a breakpoint, a system call) ends the run with an
// [Exception] and the state that the processor would leave.
//
// A [CPU] sees memory through a [Memory], which translates addresses to
// [Frame]s. Translations are kept, as in a TLB, until they are flushed.
// Instructions are decoded once, into blocks that belong to a frame, and
// thrown away when a byte of them changes.
//
// Citations are of the Intel 64 and IA-32 Architectures Software Developer's
// Manual (SDM), by volume and section.
package x86
