package scenarios_test

import (
	"testing"

	"trapline/scenarios"
	"trapline/sim/explore"
	"trapline/vm"
)

// TestFoundBeforeLearning has something found before the machine learns that tasks
// give each other work, and so counts steps in another way: the schedule is good as it
// is, and no other is made of it.
func TestFoundBeforeLearning(t *testing.T) {
	for _, p := range scenarios.Pairs() {
		if p.Name() != "tracer-switched-on-while-optimizing/2019-module-mutex" {
			continue
		}
		r := run(t, p, vm.DefaultImage(), explore.Options{Strategy: explore.POS, Executions: 2, MinimiseExecutions: 1})
		if len(r.Findings) != 2 {
			t.Errorf("%d findings, want 2", len(r.Findings))
		}
		return
	}
	t.Error("no such pair")
}
