// Package events is tracefs's uprobe_events as Linux 6.18 has it: the lines that
// define events, with the kernel's error numbers, texts and columns; what is
// read back from the file; the format file of an event; the fetch arguments,
// evaluated over registers and memory; and the lines of the trace and of
// uprobe_profile.
//
// Nothing here runs a program. [Registry.Write] takes what a user writes;
// whoever runs the program calls [Buffer.Record] when a probe is hit, and
// [Event.Print] makes the line of the trace.
//
// It follows kernel/trace/trace_uprobe.c, trace_probe.c and trace_probe_tmpl.h,
// function by function where an order of checks shows in an error. Where the
// kernel does something that it should not, package defects says what.
//
// Start at [Registry.Write].
package events
