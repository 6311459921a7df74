package scenarios_test

import (
	"slices"
	"testing"

	"trapline/scenarios"
	"trapline/sim/explore"
	"trapline/sim/memory"
	"trapline/vm"
)

// modelBudget is how many executions each search may begin. Some of those under a memory
// model would take hours, so a long run does not wait for all of them either.
func modelBudget() int {
	if *long {
		return 2000
	}
	return 60
}

// TestClaimsUnderModels holds the catalogue to its claims under the other memory
// models, as far as the searches are short: the designs rely on no more order than their
// locks and barriers give, and those that do say so.
func TestClaimsUnderModels(t *testing.T) {
	image := vm.DefaultImage()
	for _, model := range []memory.Model{memory.TSO, memory.LKMM} {
		t.Run(model.String(), func(t *testing.T) {
			besides(t)
			held := 0
			for _, p := range scenarios.Pairs() {
				r := run(t, p, image, explore.Options{Memory: model, MinimiseExecutions: 1, Executions: modelBudget()})
				if !r.Complete {
					// What a search that was stopped has found must be claimed as well.
					for _, f := range r.Findings {
						if !slices.Contains(p.Claim(image, model), f.Violation.Title) {
							t.Errorf("%s: found %q, which is not claimed", p.Name(), f.Violation.Title)
						}
					}
					continue
				}
				held++
				if err := p.Held(image, r); err != nil {
					t.Errorf("%s: %v: %s", p.Name(), err, r.Coverage())
				}
			}
			if held < 650 {
				t.Errorf("only %d pairs are held to their claims", held)
			}
		})
	}
}
