package scenarios_test

import (
	"context"
	"testing"

	"trapline/scenarios"
	"trapline/sim/explore"
	"trapline/vm"
)

// swapped is in how many executions of each pair steps are exchanged.
var swapped = 10

// TestStepsDeclareWhatTheyUse exchanges steps that are declared independent, in a
// sample of the executions of every pair, and sees that nothing changes: what the
// reduction leaves out would have shown nothing else.
func TestStepsDeclareWhatTheyUse(t *testing.T) {
	if *long {
		swapped = 100
	}
	swaps := 0
	for _, p := range scenarios.Pairs() {
		done, err := explore.CheckIndependence(context.Background(), p.Program(vm.DefaultImage()), explore.Options{Executions: swapped})
		if err != nil {
			t.Errorf("%s: %v", p.Name(), err)
		}
		swaps += done.Swaps
	}
	if swaps < 50_000 {
		t.Errorf("only %d pairs of steps were exchanged", swaps)
	}
}
