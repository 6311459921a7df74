// Package catalogue is what the questions of all subsystems have in common: a name,
// a source, and what is claimed of each design that is asked.
package catalogue

import (
	"cmp"
	"fmt"
	"slices"

	"trapline/probes"
	"trapline/sim"
	"trapline/sim/explore"
	"trapline/sim/memory"
	"trapline/vm"
)

// Scenario is one question.
type Scenario struct {
	// Subsystem is whose designs are asked, as in [probes.Design].
	Subsystem string
	// Name is the question in a few words, with hyphens. No two subsystems have
	// scenarios of the same name.
	Name string
	// Asks is the question in a sentence, From where it comes from.
	Asks, From string
	// Story tells it in plain words: what the design wanted, what goes wrong, which
	// lines of the mail that is, and how it was fixed.
	Story string
	// Model is the memory model that the question is about. It can be asked under
	// others.
	Model memory.Model
}

// Pair is a question asked of a design.
type Pair struct {
	Scenario *Scenario
	Design   *probes.Design
	// Program is the program to explore, with the text of the given image.
	Program func(image *vm.Image) sim.Program
}

// Name is SCENARIO/DESIGN.
func (p Pair) Name() string { return p.Scenario.Name + "/" + p.Design.Name }

// Expected are the failures that the design is known to have in the scenario under a
// memory model.
func (p Pair) Expected(image *vm.Image, model memory.Model) []probes.Failure {
	return p.Design.FailsOn(p.Scenario.Name, image.PageIndex(), model.String())
}

// Claim is what the design claims about the question under a memory model: "clean", or
// the titles of its known failures.
func (p Pair) Claim(image *vm.Image, model memory.Model) []string {
	var titles []string
	for _, f := range p.Expected(image, model) {
		titles = append(titles, f.Title)
	}
	return titles
}

// Held says whether the result of an exploration is what the catalogue claims:
// exactly the known failures, or none in a complete search. If not, the error
// says what is different.
func (p Pair) Held(image *vm.Image, r *explore.Result) error {
	claim := p.Claim(image, r.Memory)
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
