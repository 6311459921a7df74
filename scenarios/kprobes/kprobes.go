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
	// Needs is what a design must have to be asked, Breakpoints if nothing is said.
	Needs kprobes.Features
	// Late has CPUs see changes of the text late, and Synced only has the interrupts
	// that keep them from it wait for exceptions.
	Late, Synced bool
	// Setup builds the world and starts its tasks, for one execution.
	Setup func(w *World)
}

var all []*Scenario

// add enters a scenario into the catalogue; it is called from the package
// variables of the files of the scenarios.
func add(s Scenario) *Scenario {
	s.Subsystem = "kprobes"
	if s.Needs == 0 {
		s.Needs = kprobes.Breakpoints
	}
	all = append(all, &s)
	return &s
}

// Pairs are all pairs of a scenario and a design.
func Pairs() []catalogue.Pair {
	var pairs []catalogue.Pair
	for _, s := range all {
		for _, d := range kprobes.Designs() {
			if d.Has&s.Needs != s.Needs {
				continue
			}
			pairs = append(pairs, catalogue.Pair{Scenario: &s.Scenario, Design: &d.Design, Program: func(*vm.Image) sim.Program {
				return func(m *sim.Machine) {
					m.RCU = s.rcu(d)
					s.Setup(newWorld(m, d, s.Late, s.Synced))
				}
			}})
		}
	}
	return pairs
}

// rcu is the RCU of the kernel that a design is for.
func (s *Scenario) rcu(d *kprobes.Design) sim.RCUModel {
	switch {
	case !d.OneRCU:
		return s.RCU
	case s.RCU == sim.ClassicRCU:
		return sim.ConsolidatedNonPreemptRCU
	}
	return sim.ConsolidatedRCU
}
