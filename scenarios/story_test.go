package scenarios_test

import (
	"slices"
	"strings"
	"testing"

	"trapline/probes"
	"trapline/scenarios"
	"trapline/scenarios/catalogue"
)

// TestEachQuestionTellsItsStory sees that there is a page for each scenario: what is asked,
// where it comes from, what the design wanted, and what goes wrong.
func TestEachQuestionTellsItsStory(t *testing.T) {
	for _, s := range scenarios.All() {
		if s.Asks == "" || s.From == "" || s.Story == "" {
			t.Errorf("%s: something is missing of what it asks, where that comes from, and its story", s.Name)
		}
		if strings.Join(strings.Fields(s.Story), " ") != s.Story {
			t.Errorf("%s: there are spaces in its story that nobody sees", s.Name)
		}
	}
}

// TestControlsSaySo holds the stories to the claims: a question that no design answers
// badly says that it is a control, and no other does.
func TestControlsSaySo(t *testing.T) {
	designs := scenarios.Designs()
	fails := func(s *catalogue.Scenario) bool {
		return slices.ContainsFunc(designs, func(d *probes.Design) bool {
			return slices.ContainsFunc(d.Fails, func(f probes.Failure) bool { return f.Scenario == s.Name })
		})
	}
	for _, s := range scenarios.All() {
		if control := strings.Contains(s.Story, "uestion is a control"); control == fails(s) {
			t.Errorf("%s: a control: %t, and a design fails it: %t", s.Name, control, fails(s))
		}
	}
}
