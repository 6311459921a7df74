// Package probes says what all designs have in common, whatever they probe: where
// they come from, what they claim, and which failures they are known to have. The
// designs themselves, and what they do, are in the packages of the subsystems.
package probes

import (
	"slices"
	"strings"
)

// Design is an entry of the catalogue of designs.
type Design struct {
	// Subsystem is what the design is for, as the kernel calls it: "uprobes".
	Subsystem string
	// Name is the name on the command line: the year, and what is special.
	Name string
	// Title is one line on what the design does, From where it is described.
	Title, From string
	// Order is the lock order that the design claims, outer lock first. The
	// machine holds every execution to it.
	Order []string
	// Fails are the scenarios that the design is known to fail. It is claimed
	// to be clean on all others.
	Fails []Failure
}

// Failure is a known failure of a design.
type Failure struct {
	// Scenario is the name of the scenario, Title that of the violation.
	Scenario, Title string
	// Why says in a sentence what goes wrong.
	Why string
	// Only says that the failure is seen only with the probe in certain pages.
	Only Pages
	// Model says that the failure is seen only under certain memory models, by their
	// names on the command line with commas in between. Some titles differ although the
	// fault is the same: a rule that is broken ends an execution, and a data race is
	// seen at once under sc and at the end under the others, where nobody waits for a
	// reader of RCU either.
	Model string
}

func (f *Failure) under(model string) bool {
	return f.Model == "" || slices.Contains(strings.Split(f.Model, ","), model)
}

// Pages is a set of pages of a file.
type Pages int

const (
	AnyPage   Pages = iota // every page
	FirstPage              // the first page of the file
	LaterPage              // every page but the first
)

// FailsOn are the failures that the design is known to have in a scenario, for
// a probe in the given page of the file and under a memory model.
func (d *Design) FailsOn(scenario string, page int64, model string) []Failure {
	where := FirstPage
	if page > 0 {
		where = LaterPage
	}
	var fails []Failure
	for _, f := range d.Fails {
		if f.Scenario == scenario && f.under(model) && (f.Only == AnyPage || f.Only == where) {
			fails = append(fails, f)
		}
	}
	return fails
}
