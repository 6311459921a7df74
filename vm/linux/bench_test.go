package linux

import (
	"io"
	"testing"
)

// BenchmarkExec runs testdata/bench.c, the program with which other emulators were
// measured, and reports millions of instructions a second.
func BenchmarkExec(b *testing.B) {
	c := program(b, compile(b, "musl-gcc", "testdata/bench.c", "-static"), "10")
	c.Stdout = io.Discard
	insns := uint64(0)
	for b.Loop() {
		r, err := Run(c)
		if err != nil || r.ExitCode() != 0 {
			b.Fatal(err, r.ExitCode())
		}
		insns += r.Insns
	}
	b.ReportMetric(float64(insns)/b.Elapsed().Seconds()/1e6, "Minsn/s")
}

// BenchmarkCalls measures a program that does little but system calls.
func BenchmarkCalls(b *testing.B) {
	c := program(b, tool(b, "busybox"), "sh", "-c", "i=0; while [ $i -lt 200 ]; do (exit 3); i=$((i+1)); done")
	calls := uint64(0)
	for b.Loop() {
		r, err := Run(c)
		if err != nil || r.ExitCode() != 0 {
			b.Fatal(err, r.ExitCode())
		}
		calls += r.Calls
	}
	b.ReportMetric(float64(calls)/b.Elapsed().Seconds(), "calls/s")
}
