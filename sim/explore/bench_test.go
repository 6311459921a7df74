package explore_test

import (
	"context"
	"testing"

	"trapline/sim"
	"trapline/sim/explore"
)

// BenchmarkExhaustive prints how fast the exhaustive search goes through the
// programs of the comparison.
func BenchmarkExhaustive(b *testing.B) {
	for _, bench := range []struct {
		name    string
		program sim.Program
	}{
		{"fib(4)", fib(4)},
		{"sb(14)", sb(14)},
		{"counter(5x1)", counter(5, 1)},
		{"locks(3x6)", locks(3, 6)},
		{"filesystem(22)", filesystem(22)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			executions := 0
			for b.Loop() {
				r, err := explore.Run(context.Background(), bench.program, explore.Options{})
				if err != nil || !r.Complete {
					b.Fatal(err)
				}
				executions += r.Executions
			}
			b.ReportMetric(float64(executions)/float64(b.N), "executions")
			b.ReportMetric(float64(executions)/b.Elapsed().Seconds(), "executions/s")
		})
	}
}
