package scenarios_test

import (
	"strings"
	"testing"

	"trapline/scenarios"
	"trapline/scenarios/contract"
	"trapline/scenarios/kprobes"
	"trapline/scenarios/markers"
	"trapline/sim"
)

// TestEveryRuleIsBroken sees that each rule of the contracts of kprobes and markers can
// fire: there is a design that is known to break it. That it does is what [TestClaims]
// finds, and where no scenario asks, TestRefind of the subsystem; that the others do not is
// what the same tests find.
func TestEveryRuleIsBroken(t *testing.T) {
	leak := sim.Kind{Class: "memory leak"}
	freed := sim.Kind{Class: "KASAN: slab-use-after-free"}
	for subsystem, rules := range map[string][]sim.Kind{
		"kprobes": {
			contract.MissedHit, contract.LateHandler, contract.WrongOriginal, leak, freed, // hit, silence, original, no leak
			kprobes.UnknownTrap,                                           // no stray trap
			kprobes.InvalidOpcode, kprobes.StaleText, kprobes.WrongBranch, // transparency: control flow
			kprobes.WrongState, kprobes.UserAccess, kprobes.StackOverflow, // transparency: registers, faults
			kprobes.WrongText, kprobes.StrayFilter, // all is as it was when they have gone
		},
		"markers": {markers.WrongData, markers.MissedProbe, markers.LateProbe, leak, freed},
	} {
		for _, rule := range rules {
			if !isBroken(subsystem, rule) {
				t.Errorf("no design of %s is known to break the rule %q: nobody has seen it fire", subsystem, rule.Class)
			}
		}
	}
}

// isBroken says that a design of the subsystem is known to break the rule.
func isBroken(subsystem string, rule sim.Kind) bool {
	for _, p := range scenarios.Pairs() {
		if p.Design.Subsystem != subsystem {
			continue
		}
		for _, f := range p.Design.Fails {
			if strings.HasPrefix(f.Title, rule.Class) {
				return true
			}
		}
	}
	return false
}
