package explore_test

import (
	"context"
	"testing"

	"trapline/sim/explore"
)

// BenchmarkModels goes through the programs of TestWeakCounts under each model.
// Package memory has them in BenchmarkExplore.
func BenchmarkModels(b *testing.B) {
	for _, test := range weakCounts {
		for _, model := range everyModel {
			b.Run(test.name+"/"+model.String(), func(b *testing.B) {
				var r *explore.Result
				for b.Loop() {
					var err error
					if r, err = explore.Run(context.Background(), test.program, explore.Options{Memory: model}); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(r.Executions), "execs")
				b.ReportMetric(float64(r.Blocked), "blocked")
			})
		}
	}
}
