// Package scenarios asks questions of designs. Each file holds one scenario: a
// small world, a few tasks, and a question that the machine answers by trying
// every order in which they can run.
package scenarios

import (
	"cmp"
	"fmt"
	"slices"

	"trapline/probes/uprobes"
	"trapline/sim"
	"trapline/sim/explore"
	"trapline/vm"
)

// Scenario is one question.
type Scenario struct {
	// Name is the question in a few words, with hyphens.
	Name string
	// Asks is the question in a sentence, From where it comes from.
	Asks, From string
	// Setup builds the world and starts its tasks, for one execution.
	Setup func(w *World)
}

var catalogue []*Scenario

// add enters a scenario into the catalogue; it is called from the package
// variables of the files of the scenarios.
func add(s Scenario) *Scenario {
	catalogue = append(catalogue, &s)
	return &s
}

// All are the scenarios, by name.
func All() []*Scenario {
	return slices.SortedFunc(slices.Values(catalogue), func(a, b *Scenario) int { return cmp.Compare(a.Name, b.Name) })
}

// Pair is a question asked of a design.
type Pair struct {
	Scenario *Scenario
	Design   *uprobes.Design
}

// Pairs are all pairs of a scenario and a design, by name.
func Pairs() []Pair {
	var pairs []Pair
	for _, s := range All() {
		for _, d := range uprobes.Designs() {
			pairs = append(pairs, Pair{s, d})
		}
	}
	return pairs
}

// Name is SCENARIO/DESIGN.
func (p Pair) Name() string { return p.Scenario.Name + "/" + p.Design.Name }

// Program is the program to explore, with the text of the given image.
func (p Pair) Program(image *vm.Image) sim.Program {
	return func(m *sim.Machine) { p.Scenario.Setup(newWorld(m, p.Design, image)) }
}

// Expected are the failures that the design is known to have in the scenario.
func (p Pair) Expected(image *vm.Image) []uprobes.Failure {
	return p.Design.FailsOn(p.Scenario.Name, image.PageIndex())
}

// Claim is what the design claims about the question: "clean", or the titles
// of its known failures.
func (p Pair) Claim(image *vm.Image) []string {
	var titles []string
	for _, f := range p.Expected(image) {
		titles = append(titles, f.Title)
	}
	return titles
}

// Held says whether the result of an exploration is what the catalogue claims:
// exactly the known failures, or none in a complete search. If not, the error
// says what is different.
func (p Pair) Held(image *vm.Image, r *explore.Result) error {
	claim := p.Claim(image)
	if len(claim) == 0 && r.Verdict() == explore.Inconclusive {
		return fmt.Errorf("claimed clean, not shown (%s)", cmp.Or(r.Stopped, r.Coverage()))
	}
	for _, title := range claim {
		if !slices.ContainsFunc(r.Findings, func(f *explore.Finding) bool { return f.Violation.Title == title }) {
			if !r.Complete {
				return fmt.Errorf("claimed %q, not found yet (%s)", title, r.Stopped)
			}
			return fmt.Errorf("claimed %q, which was not found", title)
		}
	}
	for _, f := range r.Findings {
		if !slices.Contains(claim, f.Violation.Title) {
			return fmt.Errorf("found %q, which is not claimed", f.Violation.Title)
		}
	}
	return nil
}
