package scenarios_test

import (
	"context"
	"testing"

	"trapline/scenarios"
	"trapline/sim/explore"
	"trapline/sim/memory"
	"trapline/vm"
)

// swapped is in how many executions of each pair steps are exchanged.
var swapped = 4

// everyPair is how many pairs there are to one that is looked at.
const everyPair = 7

// TestStepsDeclareWhatTheyUse exchanges steps that are declared independent, in a
// sample of executions of a part of all pairs, or with -long of all, and sees that nothing
// changes: what the reduction leaves out would have shown nothing else.
func TestStepsDeclareWhatTheyUse(t *testing.T) {
	if *long {
		swapped = 100
	}
	swaps := 0
	for i, p := range scenarios.Pairs() {
		if i%everyPair != 0 && !*long {
			continue
		}
		if r := once(t, p); !*long && (r.Memory != memory.SC || r.Executions > 300) {
			continue
		}
		done, err := explore.CheckIndependence(context.Background(), p.Program(vm.DefaultImage()), explore.Options{Executions: swapped})
		if err != nil {
			t.Errorf("%s: %v", p.Name(), err)
		}
		swaps += done.Swaps
	}
	if swaps < 1000 {
		t.Errorf("only %d pairs of steps were exchanged", swaps)
	}
}
