package explore_test

import (
	"maps"
	"testing"

	"pgregory.net/rapid"

	"trapline/sim"
	"trapline/sim/explore"
)

// forgetful draws programs whose tasks forget now and then what they have seen.
// Each place where they do has a number of its own.
func forgetful(verbs []string) *rapid.Generator[program] {
	return rapid.Custom(func(t *rapid.T) program {
		p := programs(verbs).Draw(t, "program")
		if !rapid.Bool().Draw(t, "forgetful") {
			return p
		}
		place := 0
		for i := range p {
			p[i] = withForgets(t, p[i], &place)
		}
		return p
	})
}

func withForgets(t *rapid.T, acts []act, place *int) []act {
	var all []act
	for _, a := range acts {
		a.body = withForgets(t, a.body, place)
		all = append(all, a)
		if rapid.Bool().Draw(t, "forget") {
			*place++
			all = append(all, act{verb: "forget", value: *place})
		}
	}
	return all
}

// The search for states sees every end state of a program and everything that it
// does wrong, and nothing else; and where it says that two ways lead to one state,
// the same follows.
func TestStatesMissNothing(t *testing.T) {
	for _, verbs := range []struct {
		name  string
		verbs []string
	}{{"quiet", quiet}, {"wild", wild}, {"locks", lockVerbs}, {"wild locks", lockWild}} {
		t.Run(verbs.name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				daemons := verbs.name == "quiet" || verbs.name == "locks"
				p := forgetful(verbs.verbs).Draw(rt, "program")
				want, ok := all(p, daemons, mostExecutions/4)
				if !ok {
					return
				}
				r := run(rt, p, daemons, explore.Options{Strategy: explore.States, SelfCheck: true, MinimiseExecutions: 1})
				wantSet(rt, "violations", r.titles, want.titles, p)
				wantSet(rt, "end states", r.ends, want.ends, p)
			})
		})
	}
}

func TestStatesOfCountersMissNothing(t *testing.T) {
	for _, verbs := range [][]string{quietCounts, wildCounts} {
		rapid.Check(t, func(rt *rapid.T) {
			p := programs(verbs).Draw(rt, "program")
			want, ok := reachedByAll(p, mostExecutions)
			if !ok {
				return
			}
			for _, setup := range []func(*sim.Machine){nil, commuting} {
				got := reachedBy(rt, p, explore.Options{Strategy: explore.States, Setup: setup, SelfCheck: true, MinimiseExecutions: 1})
				same := maps.Equal[map[string]bool, map[string]bool]
				if setup != nil && races(want.titles) {
					same = within
				}
				if !same(got.titles, want.titles) || !same(got.ends, want.ends) {
					rt.Errorf("%v and %v, want %v and %v (commuting: %t)%v", keys(got.titles), keys(got.ends), keys(want.titles), keys(want.ends), setup != nil, p)
				}
			}
		})
	}
}
