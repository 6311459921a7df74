package explore_test

import (
	"testing"

	"pgregory.net/rapid"

	"trapline/sim/explore"
)

// everyForgetful draws programs whose tasks may forget what they have seen. They do
// not where something they have found is still to be used: the index of an SRCU
// reader, until that ends.
func everyForgetful(kinds [][]string) *rapid.Generator[everyProgram] {
	return rapid.Custom(func(t *rapid.T) everyProgram {
		p := everyProgramsOf(kinds).Draw(t, "program")
		p.forgets = rapid.Bool().Draw(t, "forgets")
		if !p.forgets {
			return p
		}
		place := 0
		for i := range p.tasks {
			p.tasks[i] = everyForgets(t, p.tasks[i], &place)
		}
		return p
	})
}

func everyForgets(t *rapid.T, acts []act, place *int) []act {
	var all []act
	for _, a := range acts {
		if a.verb != "srcu" {
			a.body = everyForgets(t, a.body, place)
		}
		all = append(all, a)
		if rapid.Bool().Draw(t, "forget") {
			*place++
			all = append(all, act{verb: "forget", value: *place})
		}
	}
	return all
}

// The search for states misses nothing of programs that mix all primitives, on
// whatever CPUs, and of what it takes for one state the same follows.
func TestStatesOfEverythingMissNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		kinds := rapid.SampledFrom(everyFields).Draw(rt, "field").kinds
		wantStates(rt, everyForgetful(kinds).Draw(rt, "program"), everyExecutions)
	})
}

func wantStates(t rapid.TB, p everyProgram, most int) {
	t.Helper()
	want, ok := everyTruth(t, p, most)
	if !ok {
		return
	}
	r := run(t, p, p.daemons, explore.Options{Strategy: explore.States, SelfCheck: true, MinimiseExecutions: 1})
	titles := map[string]bool{}
	for _, f := range r.Findings {
		titles[everyTitle(f.Violation)] = true
	}
	delete(r.ends, "")
	wantSet(t, "states: violations", titles, want.titles, p)
	wantSet(t, "states: end states", r.ends, want.ends, p)
}
