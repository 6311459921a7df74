// Package markers asks questions of designs for probes on marked places of the kernel.
package markers

import (
	"slices"

	"trapline/markers"
	"trapline/probes"
	"trapline/scenarios/catalogue"
	"trapline/scenarios/contract"
	"trapline/sim"
	"trapline/vm"
)

// Scenario is one question.
type Scenario struct {
	catalogue.Scenario
	// Preemptible says that the kernel is one whose readers of RCU can be preempted.
	Preemptible bool
	// Setup builds the world and starts its tasks, for one execution.
	Setup func(w *World)
}

var all []*Scenario

// add enters a scenario into the catalogue; it is called from the package variables of
// the files of the scenarios.
func add(s Scenario) *Scenario {
	s.Subsystem = "markers"
	all = append(all, &s)
	return &s
}

// Pairs are all pairs of a scenario and a design. A design that is the repaired one
// without one of its barriers is asked the question for which it has that.
func Pairs() []catalogue.Pair {
	var pairs []catalogue.Pair
	for _, s := range all {
		for _, d := range markers.Designs() {
			if d.Ordering && !slices.ContainsFunc(d.Fails, func(f probes.Failure) bool { return f.Scenario == s.Name }) {
				continue
			}
			pairs = append(pairs, catalogue.Pair{Scenario: &s.Scenario, Design: &d.Design, Program: func(*vm.Image) sim.Program {
				return func(m *sim.Machine) { s.Setup(newWorld(m, d, s.Preemptible)) }
			}})
		}
	}
	return pairs
}

// must is for what cannot fail, unless the design or the scenario is wrong.
func must(k *sim.K, err error) { contract.MustSucceed(k, err) }
