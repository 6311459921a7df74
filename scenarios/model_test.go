package scenarios_test

import (
	"strings"
	"testing"

	"trapline/scenarios"
	"trapline/sim/explore"
	"trapline/sim/memory"
	"trapline/vm"
)

// TestClaimsUnderModels holds the catalogue to its claims under the other memory
// models: the designs do not rely on more order than their locks give.
func TestClaimsUnderModels(t *testing.T) {
	image := vm.DefaultImage()
	for _, p := range scenarios.Pairs() {
		if !*long && (p.Scenario.Name != "unregister-against-readpage" && p.Scenario.Name != "probe-in-a-later-page" || !strings.HasPrefix(p.Design.Name, "2006-readpage")) {
			continue
		}
		for _, model := range []memory.Model{memory.TSO, memory.LKMM} {
			t.Run(p.Name()+"/"+model.String(), func(t *testing.T) {
				r := run(t, p, image, explore.Options{Memory: model, MinimiseExecutions: 200, SelfCheck: true})
				if err := p.Held(image, r); err != nil || !r.Complete {
					t.Errorf("%v: %s", err, r.Coverage())
				}
			})
		}
	}
}
