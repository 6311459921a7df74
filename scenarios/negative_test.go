package scenarios_test

import "testing"

// TestNegativeControlsOfKprobes names questions in which something happens that looks like
// a bug and is none, or which checkers of Linux have reported and ought not to. All these
// designs must be silent.
func TestNegativeControlsOfKprobes(t *testing.T) {
	for _, c := range []struct {
		what, scenario string
		designs        []string
	}{
		{"N-05, in the kernel: an exception finds neither a probe nor the breakpoint, and the CPU tries again",
			"unregister-while-executing", []string{"2005-one-lock", "2005-rcu", "2006-mutex", "2008-batch", "2024-today"}},
		{"N-06, in the kernel: a probe is no longer wanted, and its jump is there still, until the optimizer comes",
			"hit-while-unoptimizing", []string{"2019-module-mutex", "2024-today"}},
		{"N-07, in the kernel: a probe is not optimised, or not disconnected for want of memory, and nobody is told",
			"removal-without-memory", []string{"2021-static-calls"}},
		{"6743ad432ec9: the table is walked under kprobe_mutex, by no reader of RCU",
			"second-probe-at-an-address", []string{"2006-mutex", "2008-batch", "2024-today"}},
		{"a hit in a handler does not call handlers: that is no miss",
			"probe-in-a-handler", []string{"2005-one-lock", "2005-rcu", "2006-mutex", "2008-batch", "2024-today"}},
		{"a CPU that comes upon the breakpoint of who patches has no probe, and needs none",
			"label-run-while-it-is-patched", []string{"2019-poke-array", "2022-poke-on-stack", "2024-today"}},
		{"the module of a probe goes, and no reader is in it",
			"probe-module-unloads", []string{"2010-tracepoints", "2021-static-calls"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			mustBeSilent(t, c.scenario, c.designs...)
		})
	}
}
