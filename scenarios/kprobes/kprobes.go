// Package kprobes asks questions of designs for probes on the kernel itself.
package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
	"trapline/vm"
)

// Scenario is one question.
type Scenario struct {
	catalogue.Scenario
	// RCU is the kernel whose grace periods the machine has. Where it is not said,
	// a design of 2005 runs on the classic kernel of its time.
	RCU sim.RCUModel
	// Setup builds the world and starts its tasks, for one execution.
	Setup func(w *World)
}

var all []*Scenario

// add enters a scenario into the catalogue; it is called from the package
// variables of the files of the scenarios.
func add(s Scenario) *Scenario {
	s.Subsystem = "kprobes"
	all = append(all, &s)
	return &s
}

// Pairs are all pairs of a scenario and a design.
func Pairs() []catalogue.Pair {
	var pairs []catalogue.Pair
	for _, s := range all {
		for _, d := range kprobes.Designs() {
			pairs = append(pairs, catalogue.Pair{Scenario: &s.Scenario, Design: &d.Design, Program: func(*vm.Image) sim.Program {
				return func(m *sim.Machine) {
					m.RCU = s.RCU
					s.Setup(newWorld(m, d))
				}
			}})
		}
	}
	return pairs
}
