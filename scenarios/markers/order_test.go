package markers

import (
	"context"
	"slices"
	"testing"

	"trapline/sim"
	"trapline/sim/explore"
	"trapline/sim/memory"
)

// TestOrder asks the questions about order under the memory model that they are about,
// of every design: what is found must be what the designs are known to fail there. Of
// the barriers of the reader, one taken away at a time, each is needed.
func TestOrder(t *testing.T) {
	asked := 0
	for _, p := range Pairs() {
		if p.Scenario.Model == memory.SC {
			continue
		}
		t.Run(p.Name(), func(t *testing.T) {
			r, err := explore.Run(context.Background(), p.Program(nil), explore.Options{
				MinimiseExecutions: 1, Setup: func(m *sim.Machine) { m.Memory = p.Scenario.Model },
			})
			if err != nil {
				t.Fatal(err)
			}
			if !r.Complete {
				t.Error(r.Coverage())
			}
			var found, known []string
			for _, f := range r.Findings {
				found = append(found, f.Violation.Title)
			}
			for _, f := range p.Design.FailsUnder(p.Scenario.Name, p.Scenario.Model.String()) {
				known = append(known, f.Title)
			}
			slices.Sort(found)
			slices.Sort(known)
			if !slices.Equal(found, known) {
				t.Errorf("found %q, known %q: %s", found, known, r.Coverage())
			}
		})
		asked++
	}
	if asked != 3*11 {
		t.Errorf("%d pairs were asked", asked)
	}
}
