// Package litmus reads litmus tests in the C form of the Linux-kernel memory model,
// runs them under a memory model of package sim/memory, and prints what came out as
// herd7 does.
//
// A test has an initial state, a few tasks P0, P1, …, and a condition on the final
// state. The form is described in the kernel's
// tools/memory-model/Documentation/litmus-tests.txt. What the operations mean is
// said by one table, in macros.go, after linux-kernel.def.
//
// Start at Parse and Run. The files in testdata are tests with the verdicts that
// they must have under each model.
package litmus
