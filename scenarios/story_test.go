package scenarios_test

import (
	"testing"

	"trapline/scenarios"
)

// TestEachQuestionTellsItsStory sees that there is a page for each scenario: what is asked,
// where it comes from, what the design wanted, and what goes wrong.
func TestEachQuestionTellsItsStory(t *testing.T) {
	for _, s := range scenarios.All() {
		if s.Asks == "" || s.From == "" || s.Story == "" {
			t.Errorf("%s: something is missing of what it asks, where that comes from, and its story", s.Name)
		}
	}
}
