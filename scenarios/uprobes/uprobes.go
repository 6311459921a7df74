// Package uprobes asks questions of designs for probes on user programs.
package uprobes

import (
	"trapline/probes/uprobes"
	"trapline/scenarios/catalogue"
	"trapline/scenarios/contract"
	"trapline/sim"
	"trapline/vm"
)

// Scenario is one question.
type Scenario struct {
	catalogue.Scenario
	// Needs is what a design must have to be asked, Breakpoints if nothing is said.
	Needs uprobes.Features
	// Setup builds the world and starts its tasks, for one execution.
	Setup func(w *World)
}

var all []*Scenario

// add enters a scenario into the catalogue; it is called from the package
// variables of the files of the scenarios.
func add(s Scenario) *Scenario {
	s.Subsystem = "uprobes"
	if s.Needs == 0 {
		s.Needs = uprobes.Breakpoints
	}
	all = append(all, &s)
	return &s
}

// Pairs are all pairs of a scenario and a design.
func Pairs() []catalogue.Pair {
	var pairs []catalogue.Pair
	for _, s := range all {
		for _, d := range uprobes.Designs() {
			if d.Has&s.Needs != s.Needs {
				continue
			}
			pairs = append(pairs, catalogue.Pair{Scenario: &s.Scenario, Design: &d.Design, Program: func(image *vm.Image) sim.Program {
				return func(m *sim.Machine) { s.Setup(newWorld(m, d, image)) }
			}})
		}
	}
	return pairs
}

// must is for what cannot fail, unless the design or the scenario is wrong.
func must(k *sim.K, err error) { contract.MustSucceed(k, err) }
