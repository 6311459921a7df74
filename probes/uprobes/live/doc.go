// Package live are uprobes on the programs that package linux runs: breakpoints in
// private copies of their pages, the area where instructions are executed out of
// line, return probes, reference counters, the optimised nops of 6.18, and the
// trace that tracefs shows of it.
//
// A [Kernel] is what one kernel knows of uprobes. [Kernel.Write] is a write to
// uprobe_events, [Kernel.Enable] one to a file enable; [Kernel.Run] runs a program
// with the probes that are enabled, and while it runs, whoever is asked for its
// input may do the same. Several programs can run one after the other, or one
// within the other.
//
// It follows kernel/events/uprobes.c, arch/x86/kernel/uprobes.c and
// kernel/trace/trace_uprobe.c of Linux 6.18. What that kernel does wrong is in
// package defects, and done wrong here too if the set of defects says so. The
// locking is that of one big lock, since it is not what is looked for: the designs
// of package uprobes are about that.
package live
