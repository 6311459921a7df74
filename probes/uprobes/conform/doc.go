// Package conform performs what was done on real kernels, and says where the
// emulated one differs: sequences of definitions, and patterns of first bytes.
// Each difference is a line of the output.
//
// The formats are those of the captures: [Sequences] takes a JSON array of
// sequences of writes to uprobe_events, [Patterns] a table of 16 bytes each and
// what the kernel said when a process mapped a file with a probe on them. Both
// may be compressed with gzip.
package conform
