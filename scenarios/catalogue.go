// Package scenarios is the catalogue of questions, of all subsystems. Each question
// is a file in the folder of its subsystem: a small world, a few tasks, and a
// question that the machine answers by trying every order in which they can run.
package scenarios

import (
	"cmp"
	"slices"

	"trapline/probes"
	"trapline/scenarios/catalogue"
	"trapline/scenarios/kprobes"
	"trapline/scenarios/markers"
	"trapline/scenarios/uprobes"
)

// Pairs are all pairs of a scenario and a design of its subsystem, by name.
func Pairs() []catalogue.Pair {
	return slices.SortedFunc(slices.Values(slices.Concat(
		kprobes.Pairs(),
		markers.Pairs(),
		uprobes.Pairs(),
	)), func(a, b catalogue.Pair) int {
		return cmp.Or(cmp.Compare(a.Scenario.Name, b.Scenario.Name), cmp.Compare(a.Design.Name, b.Design.Name))
	})
}

// All are the scenarios, by name.
func All() []*catalogue.Scenario {
	return distinct(func(p catalogue.Pair) *catalogue.Scenario { return p.Scenario }, func(s *catalogue.Scenario) string { return s.Name })
}

// Designs are the designs of all subsystems, by subsystem and name.
func Designs() []*probes.Design {
	return distinct(func(p catalogue.Pair) *probes.Design { return p.Design }, func(d *probes.Design) string { return d.Subsystem + "/" + d.Name })
}

func distinct[T comparable](of func(catalogue.Pair) T, name func(T) string) []T {
	var all []T
	for _, p := range Pairs() {
		if x := of(p); !slices.Contains(all, x) {
			all = append(all, x)
		}
	}
	slices.SortFunc(all, func(a, b T) int { return cmp.Compare(name(a), name(b)) })
	return all
}
