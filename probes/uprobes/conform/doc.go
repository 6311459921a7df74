// Package conform performs what was done on real kernels, and says where the
// emulated one differs: sequences of definitions, patterns of first bytes,
// instruction sites, and scenarios, which are sessions with programs.
// Each difference is a line of the output.
//
// The formats are those of the captures: [Sequences] takes a JSON array of
// sequences of writes to uprobe_events, [Patterns] a table of 16 bytes each and
// what the kernel said when a process mapped a file with a probe on them. Both
// may be compressed with gzip. [Sites] and [Scenario] run the programs that were
// probed, which the caller has to have; numbers of processes are not compared, nor
// the order of processes that run at the same time.
package conform
